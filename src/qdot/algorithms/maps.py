"""The ladder of transport maps: from "action plus network" to the gradient of an input-convex potential.

"a + MLP" differs from Q-DOT's map in three things at once: the affine skip, the gradient structure and convexity. The
rungs add one at a time (paper.md's `no_icnn`):

    shift      (a)  T = a + MLP(s, a)
    affine     (b)  T = c(s) a + b(s) + MLP(s, a)                      the headline of the ablation
    potential  (c)  T = c(s) a + b(s) + grad_a of a free network       a gradient, of no convex function
    icnn       (d)  T = grad_a psi(s, a), psi partially convex         Q-DOT

Every map starts at the identity, takes (seeds, batch, state) and (seeds, batch, action), and gives (seeds, batch,
action) by `gradient`. Only (d), in either form, is the gradient of a convex function, whatever its weights.
"""

import itertools
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from qdot.algorithms.convex_layers import ContextHeads, convex_activation, inverse_softplus
from qdot.algorithms.networks import BatchedLinear

RUNGS = ("shift", "affine", "potential", "icnn")


class FreeMap(nn.Module):
    """Rungs (a) and (b): a free network of (s, a), with or without the affine skip of the potential.

    The last layer starts at 0, so the map starts at the identity.

    Attributes:
        skip: c(s) and b(s) of rung (b); None for rung (a), where c = 1 and b = 0.
    """

    def __init__(
        self,
        generators: Sequence[torch.Generator],
        state_dim: int,
        action_dim: int,
        hidden: Sequence[int],
        affine: bool,
        min_quadratic: float = 1e-3,
    ) -> None:
        """Draw each seed's weights from its own generator."""
        super().__init__()
        self.layers = _hidden_layers(generators, state_dim + action_dim, hidden)
        self.output = BatchedLinear(generators, hidden[-1], action_dim)
        nn.init.zeros_(self.output.weight)
        self.skip = AffineSkip(generators, state_dim, action_dim, hidden, min_quadratic) if affine else None

    def gradient(self, states: Tensor, actions: Tensor) -> Tensor:
        """T(s, a); the name is the potential's, though this map is the gradient of nothing."""
        units = torch.cat([states, actions], dim=-1)
        for layer in self.layers:
            units = torch.relu(layer(units))
        moved = self.output(units)
        if self.skip is None:
            return actions + moved
        quadratic, linear = self.skip(states)
        return quadratic * actions + linear + moved


class AffineSkip(nn.Module):
    """c(s) >= min_quadratic and b(s) by one hidden layer on the state; constants where there is no state."""

    def __init__(
        self,
        generators: Sequence[torch.Generator],
        state_dim: int,
        action_dim: int,
        hidden: Sequence[int],
        min_quadratic: float,
    ) -> None:
        """Start at c = 1, b = 0."""
        super().__init__()
        self.min_quadratic = min_quadratic
        self.layer = BatchedLinear(generators, state_dim, hidden[0]) if state_dim else None
        pieces = [("linear", action_dim, 0.0), ("quadratic", 1, inverse_softplus(1.0 - min_quadratic))]
        self.heads = ContextHeads(generators, hidden[0] if state_dim else 0, pieces)

    def forward(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """c(s) (seeds, batch | 1, 1) and b(s) (seeds, batch | 1, action)."""
        heads = self.heads(states if self.layer is None else torch.relu(self.layer(states)))
        return self.min_quadratic + functional.softplus(heads["quadratic"]), heads["linear"]


class FreePotentialMap(nn.Module):
    """Rung (c): the gradient in `a` of 0.5 c(s) |a|^2 + b(s).a + w . phi(free network of (s, a)), of any sign.

    Its Jacobian is symmetric, as that of (d); nothing keeps it positive. The gradient is in closed form, by
    back-substitution, so no double backward pass is needed.
    """

    def __init__(
        self,
        generators: Sequence[torch.Generator],
        state_dim: int,
        action_dim: int,
        hidden: Sequence[int],
        activation: str = "softplus",
        softplus_beta: float = 3.0,
        min_quadratic: float = 1e-3,
    ) -> None:
        """Draw each seed's weights from its own generator; w starts at 0."""
        super().__init__()
        self.phi = convex_activation(activation, softplus_beta)
        self.action_dim = action_dim
        self.layers = _hidden_layers(generators, state_dim + action_dim, hidden)
        self.readout = nn.Parameter(torch.zeros(len(generators), 1, hidden[-1]))
        self.skip = AffineSkip(generators, state_dim, action_dim, hidden, min_quadratic)

    def gradient(self, states: Tensor, actions: Tensor) -> Tensor:
        """grad_a of the potential: one product per layer up and one down."""
        units, slopes = torch.cat([states, actions], dim=-1), []
        for layer in self.layers:
            before = layer(units)
            units = self.phi.value(before)
            slopes.append(self.phi.slope(before))
        lower: Tensor = self.readout
        for layer, slope in zip(reversed(self.layers), reversed(slopes), strict=True):
            lower = cast(BatchedLinear, layer).transposed(lower * slope)
        quadratic, linear = self.skip(states)
        return quadratic * actions + linear + lower[..., -self.action_dim :]


def _hidden_layers(generators: Sequence[torch.Generator], in_features: int, hidden: Sequence[int]) -> nn.ModuleList:
    widths = [in_features, *hidden]
    return nn.ModuleList(BatchedLinear(generators, a, b) for a, b in itertools.pairwise(widths))
