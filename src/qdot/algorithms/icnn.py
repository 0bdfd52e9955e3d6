"""Input-convex potentials: the convexity of psi(s, .) is a matter of types, not of training.

psi(s, a) = 0.5 c(s) |a|^2 + b(s).a + a partially input-convex network in CondOT's form (Bunne et al. 2022,
section 3, after Amos et al. 2017): the path of `a` has non-negative weights and convex non-decreasing activations,
everything else is free. Q-DOT's map is its gradient (docs/algorithms.md). All parameters carry a leading seed axis.
"""

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from qdot.algorithms.convex_layers import (
    ContextHeads,
    Piece,
    check_form,
    convex_activation,
    inverse_softplus,
    non_negative,
    uniform,
)
from qdot.algorithms.networks import product

INPUT_GAIN = 3.0  # spreads the kinks of the convex units over the box of actions


class _Trace(NamedTuple):
    """What forward and gradient share."""

    pre_activations: list[Tensor]  # per layer (seeds, batch, hidden)
    joint_weights: list[Tensor]  # per layer, rows: the units below (>= 0), then the action (free)
    unit_gates: list[Tensor]  # per layer, >= 0, on the units below; empty for the first layer
    action_gates: list[Tensor]  # per layer, free
    readout: Tensor  # >= 0, (seeds, batch | 1, hidden)
    quadratic: Tensor  # c(s), (seeds, batch | 1, 1)
    linear: Tensor  # b(s), (seeds, batch | 1, action)


class PartiallyConvexPotential(nn.Module):
    """psi(s, a), convex in `a` for every `s` at every parameter value; its gradient starts as the identity.

    The start is the identity to one rounding of c(s) = 1 (a relative error of 1.2e-7 in float32).

    With context u_0 = s, u_{l+1} = relu(affine u_l) and z_0 absent:
        x_l = W_l (z_l * softplus(affine u_l)) + A_l (a * affine u_l) + affine u_l,  z_{l+1} = phi(x_l),  W_l >= 0
        psi = 0.5 c(s) |a|^2 + b(s).a + sum_k w_k softplus(affine u_L)_k z_L,k,      w_k >= 0, w = 0 at start
    c(s) = min_quadratic + softplus(affine u_L) makes the map strongly monotone, hence invertible: its Jacobian is
    symmetric and at least c(s) I. psi is defined up to a function of s.

    Args:
        generators: One per seed; a seed's weights do not depend on the others.
        state_dim: Width of s; 0 for an unconditional potential.
        action_dim: Width of a.
        hidden: Widths of the convex layers and of the context layers.
        activation: "softplus" or "elu".
        softplus_beta: Sharpness of the softplus.
        min_quadratic: Floor of c(s), > 0.
        fixed_quadratic: Hold c(s) = 1. Such a map cannot contract; it is the row of the transport study that must miss.
        weights: How they stay non-negative: "softplus" or "projection" (by the optimiser, after each step).

    Raises:
        ParamsError: For an unknown activation, no hidden layer, or a floor outside (0, 1).
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
        """Build the layers and draw each seed's weights from its own generator."""
        super().__init__()
        check_form(hidden, min_quadratic)
        self.phi, built = convex_activation(activation, softplus_beta), non_negative(weights)
        self.state_dim, self.action_dim = state_dim, action_dim
        self.min_quadratic, self.fixed_quadratic = min_quadratic, fixed_quadratic
        self.heads = self._context(generators, state_dim, action_dim, hidden)
        bound = INPUT_GAIN / math.sqrt(action_dim)
        self.free = nn.ParameterList([uniform(generators, (action_dim, width), bound) for width in hidden])
        widths = itertools.pairwise(hidden)
        self.convex = nn.ModuleList([built.linear(len(generators), below, width) for below, width in widths])
        self.readout = built.readout(len(generators), hidden[-1])

    def _context(
        self, generators: Sequence[torch.Generator], state_dim: int, action_dim: int, hidden: Sequence[int]
    ) -> nn.ModuleList:
        """Per context layer, all its affine functions; gates start at 1, b(s) at 0, c(s) at 1."""
        widths = [state_dim, *(hidden if state_dim else [0] * len(hidden))]
        gate = inverse_softplus(1.0)
        heads = []
        for layer, width in enumerate(hidden):
            pieces: list[Piece] = [("next", widths[layer + 1], None), ("bias", width, None)]
            pieces.append(("action_gate", action_dim, 1.0))
            if layer:
                pieces.append(("unit_gate", hidden[layer - 1], gate))
            heads.append(ContextHeads(generators, widths[layer], pieces))
        last: list[Piece] = [("unit_gate", hidden[-1], gate), ("linear", action_dim, 0.0)]
        if not self.fixed_quadratic:
            last.append(("quadratic", 1, inverse_softplus(1.0 - self.min_quadratic)))
        return nn.ModuleList([*heads, ContextHeads(generators, widths[-1], last)])

    def _trace(self, states: Tensor, actions: Tensor) -> _Trace:
        """Run context and convex path up; everything in the order of the layers."""
        context, units = states, None
        pre_activations, joint_weights, unit_gates, action_gates = [], [], [], []
        for layer, weight in enumerate(self.free):
            heads = self.heads[layer](context)
            gated = actions * heads["action_gate"]
            if units is not None:
                unit_gates.append(functional.softplus(heads["unit_gate"]))
                gated = torch.cat([units * unit_gates[-1], gated], dim=-1)
                weight = torch.cat([cast(Tensor, self.convex[layer - 1].weight), weight], dim=1)
            bias = heads["bias"].expand(-1, actions.shape[1], -1)
            pre_activations.append(product(gated, weight, bias))
            joint_weights.append(weight)
            action_gates.append(heads["action_gate"])
            if layer + 1 < len(self.free):
                units = self.phi.value(pre_activations[-1])
            context = torch.relu(heads["next"])
        heads = self.heads[-1](context)
        readout = self.readout.weight * functional.softplus(heads["unit_gate"])
        quadratic = torch.ones_like(heads["linear"][..., :1])
        if not self.fixed_quadratic:
            quadratic = self.min_quadratic + functional.softplus(heads["quadratic"])
        return _Trace(pre_activations, joint_weights, unit_gates, action_gates, readout, quadratic, heads["linear"])

    def forward(self, states: Tensor, actions: Tensor) -> Tensor:
        """psi(s, a): (seeds, batch, state), (seeds, batch, action) -> (seeds, batch)."""
        trace = self._trace(states, actions)
        affine = ((0.5 * trace.quadratic * actions + trace.linear) * actions).sum(-1)
        return affine + (trace.readout * self.phi.value(trace.pre_activations[-1])).sum(-1)

    def gradient(self, states: Tensor, actions: Tensor) -> Tensor:
        """T(s, a) = grad_a psi(s, a) by back-substitution.

        Shapes: (seeds, batch, state), (seeds, batch, action) -> (seeds, batch, action).
        One product per layer up and one down, no autograd inside; itself differentiable in parameters and inputs.
        """
        trace = self._trace(states, actions)
        result = trace.quadratic * actions + trace.linear
        upper = trace.readout
        for layer in reversed(range(len(self.free))):
            slope = upper * self.phi.slope(trace.pre_activations[layer])
            lower = product(slope, trace.joint_weights[layer].transpose(1, 2))
            units = lower.shape[-1] - self.action_dim
            result = result + lower[..., units:] * trace.action_gates[layer]
            if layer:
                upper = lower[..., :units] * trace.unit_gates[layer - 1]
        return result
