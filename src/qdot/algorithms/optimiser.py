"""Adam for all members at once, over one flat buffer."""

from abc import ABC, abstractmethod
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from qdot.algorithms.networks import LANES


def pack(parameters: Iterable[nn.Parameter]) -> Tensor:
    """Move parameters (members, ...) into one buffer (members, width) that they become views of.

    Each starts at a multiple of `LANES` floats, so that every member's copy is aligned alike and elementwise kernels
    see no tail: its bits then do not depend on its place in the batch.
    """
    todo = list(parameters)
    sizes = [parameter[0].numel() for parameter in todo]
    starts = [0]
    for size in sizes:
        starts.append(-(-(starts[-1] + size) // LANES) * LANES)
    flat = todo[0].new_zeros(len(todo[0]), starts[-1])
    for parameter, start, size in zip(todo, starts, sizes, strict=False):
        view = flat[:, start : start + size].view(parameter.shape)
        parameter.data = view.copy_(parameter.data)
    return flat


class Constrained(nn.Module, ABC):
    """A layer whose weights live in a set that they must be brought back to after each step."""

    @abstractmethod
    def project(self) -> None:
        """Move the weights, in place, to the nearest ones allowed."""


class Adam:
    """`torch.optim.Adam` on a packed buffer: one fused kernel updates every weight of every member.

    Attributes:
        flat: (members, width), the weights.
    """

    def __init__(self, networks: Iterable[nn.Module], learning_rate: float) -> None:
        """Pack the weights of `networks`, which have equally many members."""
        networks = list(networks)
        modules = [module for network in networks for module in network.modules()]
        self._constrained = [module for module in modules if isinstance(module, Constrained)]
        self._parameters = [parameter for network in networks for parameter in network.parameters()]
        self.flat = pack(self._parameters).detach().requires_grad_()
        holders = [nn.Parameter(torch.zeros_like(parameter)) for parameter in self._parameters]
        self.flat.grad = pack(holders)
        self._gradients = [holder.data for holder in holders]
        self._learning_rate = learning_rate
        self._adam = torch.optim.Adam([self.flat], lr=learning_rate, fused=True)

    def minimise(self, losses: dict[str, Tensor], rate: float = 1.0) -> dict[str, Tensor]:
        """One step down the sum of `losses`.

        Args:
            losses: Terms (seeds,) by name; each seed's terms depend on its own weights only.
            rate: Factor of the learning rate.

        Returns:
            The same terms, detached.
        """
        total = torch.stack(list(losses.values())).sum()
        torch._foreach_copy_(self._gradients, torch.autograd.grad(total, self._parameters))
        self._adam.param_groups[0]["lr"] = rate * self._learning_rate
        self._adam.step()
        for layer in self._constrained:
            layer.project()
        return {name: loss.detach() for name, loss in losses.items()}

    def state(self) -> dict[str, Tensor]:
        """First and second moments (members, width) and the number of steps taken; nothing before the first step."""
        state = self._adam.state.get(self.flat, {})
        return {name: state[name] for name in ("exp_avg", "exp_avg_sq", "step") if name in state}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from the moments of `state()`."""
        if state:
            self._adam.state[self.flat] = {name: value.clone().to(self.flat.device) for name, value in state.items()}
