"""The simple input-convex network (Amos et al. 2017): convex in state and action together, not in the action alone."""

import itertools
import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from qdot.algorithms.convex_layers import check_form, convex_activation, inverse_softplus, non_negative, uniform
from qdot.algorithms.icnn import INPUT_GAIN
from qdot.algorithms.networks import product


class JointlyConvexPotential(nn.Module):
    """psi(s, a), convex in (s, a) at every parameter value; its gradient in `a` starts as the identity.

    With x = (s, a) and z_0 absent:
        x_l = W_l z_l + A_l x + b_l,  z_{l+1} = phi(x_l),  W_l >= 0
        psi = 0.5 c |a|^2 + b.a + w . z_L,                 w >= 0, w = 0 at start
    c > min_quadratic and b are one number and one vector of the seed: c(s) would break convexity in s. That is more
    than a transport map needs, and it costs: how T depends on s is tied to how it depends on a.

    Args:
        generators: One per seed; a seed's weights do not depend on the others.
        state_dim: Width of s.
        action_dim: Width of a.
        hidden: Widths of the layers.
        activation: "softplus" or "elu".
        softplus_beta: Sharpness of the softplus.
        min_quadratic: Floor of c, in (0, 1).
        fixed_quadratic: Hold c = 1; such a map cannot contract.
        weights: How W and w stay non-negative: "softplus" or "projection".

    Raises:
        ParamsError: For an unknown activation or way, no hidden layer, or a floor outside (0, 1).
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
        fixed_quadratic: bool = False,
        weights: str = "softplus",
    ) -> None:
        """Draw each seed's free weights from its own generator."""
        super().__init__()
        check_form(hidden, min_quadratic)
        self.phi, built, seeds = convex_activation(activation, softplus_beta), non_negative(weights), len(generators)
        self.action_dim, self.min_quadratic, self.fixed_quadratic = action_dim, min_quadratic, fixed_quadratic
        bound = INPUT_GAIN / math.sqrt(state_dim + action_dim)
        self.free = nn.ParameterList([uniform(generators, (state_dim + action_dim, width), bound) for width in hidden])
        self.bias = nn.ParameterList([uniform(generators, (1, width), bound) for width in hidden])
        self.convex = nn.ModuleList([built.linear(seeds, *widths) for widths in itertools.pairwise(hidden)])
        self.readout = built.readout(seeds, hidden[-1])
        self.linear = nn.Parameter(torch.zeros(seeds, 1, action_dim))
        start = torch.full((seeds, 1, 1), inverse_softplus(1.0 - min_quadratic))
        self.raw_quadratic = None if fixed_quadratic else nn.Parameter(start)

    @property
    def quadratic(self) -> Tensor:
        """c, (seeds, 1, 1)."""
        if self.raw_quadratic is None:
            return torch.ones_like(self.linear[..., :1])
        return self.min_quadratic + functional.softplus(self.raw_quadratic)

    def _trace(self, states: Tensor, actions: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Per layer, x_l (seeds, batch, hidden), and its weights: rows of the units below, then of s and a."""
        inputs = torch.cat([states, actions], dim=-1)
        pre_activations: list[Tensor] = []
        weights: list[Tensor] = []
        for layer, (free, bias) in enumerate(zip(self.free, self.bias, strict=True)):
            below, weight = inputs, free
            if layer:
                below = torch.cat([self.phi.value(pre_activations[-1]), inputs], dim=-1)
                weight = torch.cat([cast(Tensor, self.convex[layer - 1].weight), free], dim=1)
            pre_activations.append(product(below, weight, bias.expand(-1, inputs.shape[1], -1)))
            weights.append(weight)
        return pre_activations, weights

    def forward(self, states: Tensor, actions: Tensor) -> Tensor:
        """psi(s, a): (seeds, batch, state), (seeds, batch, action) -> (seeds, batch)."""
        top = self.phi.value(self._trace(states, actions)[0][-1])
        affine = ((0.5 * self.quadratic * actions + self.linear) * actions).sum(-1)
        return affine + (self.readout.weight * top).sum(-1)

    def gradient(self, states: Tensor, actions: Tensor) -> Tensor:
        """T(s, a) = grad_a psi(s, a) by back-substitution, (seeds, batch, action); differentiable itself."""
        pre_activations, weights = self._trace(states, actions)
        result = self.quadratic * actions + self.linear
        upper = self.readout.weight
        for before, weight in zip(reversed(pre_activations), reversed(weights), strict=True):
            lower = product(upper * self.phi.slope(before), weight.transpose(1, 2))
            result = result + lower[..., -self.action_dim :]
            upper = lower[..., : -(states.shape[-1] + self.action_dim)]
        return result
