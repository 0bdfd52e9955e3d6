"""Adam for all members at once, over one flat buffer."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.adam import adam

from qdot.algorithms.networks import LANES

BETAS = (0.9, 0.999)
EPSILON = 1e-8


class Packed:
    """Weights of some networks in one buffer (members, width), of which their parameters become views.

    Each starts at a multiple of `LANES` floats, so that every member's copy is aligned alike and elementwise kernels
    see no tail: its bits then do not depend on its place in the batch.

    Attributes:
        flat: (members, width), no leaf of any graph.
    """

    def __init__(self, networks: Iterable[nn.Module]) -> None:
        """Move the weights; all networks have equally many members."""
        modules = [module for network in networks for module in network.modules()]
        self._slots = [(module._parameters, name) for module in modules for name in module._parameters]
        sizes = [parameter[0].numel() for parameter in self.parameters]
        self._starts = [0]
        for size in sizes:
            self._starts.append(-(-(self._starts[-1] + size) // LANES) * LANES)
        first = self.parameters[0].detach()
        self.flat = first.new_zeros(len(first), self._starts[-1])
        for parameter, view in zip(self.parameters, self.views(self.flat), strict=True):
            parameter.data = view.copy_(parameter.data)

    @property
    def parameters(self) -> list[Tensor]:
        """The parameters, (members, ...) each."""
        return [registry[name] for registry, name in self._slots]  # type: ignore[misc]

    def views(self, flat: Tensor) -> list[Tensor]:
        """The parts of a buffer (members, width) that belong to the parameters, in their shapes."""
        shapes = [parameter.shape for parameter in self.parameters]
        starts = zip(shapes, self._starts, strict=False)
        return [flat[:, start : start + math.prod(shape[1:])].view(shape) for shape, start in starts]

    def joined(self, parts: Sequence[Tensor]) -> Tensor:
        """The buffer (members, width) that such parts make."""
        rows = [part.flatten(1) for part in parts]
        return torch.cat([functional.pad(row, (0, -row.shape[1] % LANES)) for row in rows], dim=1)

    @contextmanager
    def holding(self, flat: Tensor) -> Iterator[None]:
        """Let another buffer, and its parts, stand in for the weights."""
        own, parameters = self.flat, self.parameters
        self.flat = flat
        try:
            for (registry, name), view in zip(self._slots, self.views(flat), strict=True):
                registry[name] = view.detach().requires_grad_(parameters[0].requires_grad)  # type: ignore[assignment]
            yield
        finally:
            self.flat = own
            for (registry, name), parameter in zip(self._slots, parameters, strict=True):
                registry[name] = parameter  # type: ignore[assignment]


class Constrained(nn.Module, ABC):
    """A layer whose weights live in a set that they must be brought back to after each step."""

    @abstractmethod
    def project(self) -> None:
        """Move the weights, in place, to the nearest ones allowed."""


class Learner(nn.Module):
    """A module that changes its own weights.

    Attributes:
        traceable: Whether its steps can become compiled programs (`qdot.training.program`): what they do depends on
            weights, buffers, minibatch and step alone, and they branch on none of these.
        optimisers: By name; empty until they are made.
        slow: Weights of slow copies, by name; empty until they are packed.
    """

    traceable: ClassVar[bool] = False

    def __init__(self) -> None:
        """Have none yet."""
        super().__init__()
        self.optimisers: dict[str, Adam] = {}
        self.slow: dict[str, Packed] = {}


class Adam:
    """Adam (Kingma and Ba 2015), by one kernel for every weight of every member.

    Attributes:
        weights: Of the networks.
        moments: `exp_avg` and `exp_avg_sq`, (members, width), and `step`, (): the number of steps taken.
    """

    def __init__(self, networks: Iterable[nn.Module], learning_rate: float) -> None:
        """Pack the weights of `networks`, which have equally many members."""
        networks = list(networks)
        modules = [module for network in networks for module in network.modules()]
        self._constrained = [module for module in modules if isinstance(module, Constrained)]
        self.weights = Packed(networks)
        flat = self.weights.flat
        self.moments = {"exp_avg": torch.zeros_like(flat), "exp_avg_sq": torch.zeros_like(flat)}
        self.moments["step"] = flat.new_zeros(())
        self._gradient = torch.zeros_like(flat)
        self._gradients = self.weights.views(self._gradient)
        self._learning_rate = learning_rate
        self._traced = False

    def minimise(self, losses: dict[str, Tensor], rate: float | Tensor = 1.0) -> dict[str, Tensor]:
        """One step down the sum of `losses`.

        Args:
            losses: Terms (seeds,) by name; each seed's terms depend on its own weights only.
            rate: Factor of the learning rate.

        Returns:
            The same terms, detached.
        """
        total = torch.stack(list(losses.values())).sum()
        gradients = torch.autograd.grad(total, self.weights.parameters)
        with torch.no_grad():
            if self._traced:
                self._step(self.weights.joined(gradients), rate * self._learning_rate)
            else:
                torch._foreach_copy_(self._gradients, gradients)
                self._fused_step(rate * self._learning_rate)
        for layer in self._constrained:
            layer.project()
        return {name: loss.detach() for name, loss in losses.items()}

    def _fused_step(self, rate: float | Tensor) -> None:
        """By torch's fused kernel."""
        first, second, count = ([self.moments[name]] for name in ("exp_avg", "exp_avg_sq", "step"))
        weights, gradients, beta1, beta2 = [self.weights.flat], [self._gradient], *BETAS
        settings = {"amsgrad": False, "maximize": False, "weight_decay": 0.0, "eps": EPSILON, "fused": True}
        adam(weights, gradients, first, second, [], count, lr=rate, beta1=beta1, beta2=beta2, **settings)  # type: ignore[arg-type]

    def _step(self, gradient: Tensor, rate: float | Tensor) -> None:
        """The same in plain operations, which a compiler fuses with what comes before."""
        first, second, count = self.moments["exp_avg"], self.moments["exp_avg_sq"], self.moments["step"]
        count.add_(1)
        first.lerp_(gradient, 1 - BETAS[0])
        second.lerp_(gradient.square(), 1 - BETAS[1])
        corrections = [-torch.expm1(count * math.log(beta)) for beta in BETAS]  # 1 - beta^count, to the last digits
        root = (second / corrections[1]).sqrt() + EPSILON
        self.weights.flat.sub_(first / root * (rate / corrections[0]))

    def state(self) -> dict[str, Tensor]:
        """First and second moments (members, width) and the number of steps taken, ()."""
        return dict(self.moments)

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from the moments of `state()`."""
        for name, value in state.items():
            self.moments[name].copy_(value)

    @contextmanager
    def holding(self, flat: Tensor, moments: Mapping[str, Tensor]) -> Iterator[None]:
        """Let other weights and moments stand in for one's own, and steps be traceable."""
        own, self.moments, self._traced = self.moments, dict(moments), True
        try:
            with self.weights.holding(flat):
                yield
        finally:
            self.moments, self._traced = own, False
