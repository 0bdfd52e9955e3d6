"""Q-DOT in the usual single-file style: one seed, `nn.Linear`, the map by autograd, an Adam per network.

What most people would write from the paper, and what our batched, closed-form, compiled code is measured against. The
tests hold the two together, weight by weight. Values: those of params.yaml, hard-wired where only one is compared
(squared cost, lambda by the slope's norm, min of the twins, map and likelihood on the data's actions).
"""

import copy
import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from qdot.algorithms.base import Batch


class Values(NamedTuple):
    """Numbers of the algorithm; symbols as in docs/algorithms.md."""

    learning_rate: float
    discount: float
    target_update_rate: float
    expectile: float
    transport_weight: float
    softplus_beta: float
    min_quadratic: float


def perceptron(inputs: int, hidden: Sequence[int], outputs: int) -> nn.Sequential:
    """Affine layers with ReLU between them."""
    layers: list[nn.Module] = []
    for below, above in itertools.pairwise([inputs, *hidden]):
        layers += [nn.Linear(below, above), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(hidden[-1], outputs))


class Gaussian(nn.Module):
    """N(tanh f(s), diag(sigma^2))."""

    def __init__(self, observations: int, actions: int, hidden: Sequence[int]) -> None:
        """Build f; sigma starts at 1."""
        super().__init__()
        self.network = perceptron(observations, hidden, actions)
        self.log_std = nn.Parameter(torch.zeros(actions))

    def log_likelihood(self, observations: Tensor, actions: Tensor) -> Tensor:
        """(batch,)."""
        mean, log_std = self.network(observations).tanh(), self.log_std.clamp(-5, 2)
        square = ((actions - mean) / log_std.exp()).square()
        return (-0.5 * square - log_std - 0.5 * math.log(2 * math.pi)).sum(-1)


class Potential(nn.Module):
    """psi(s, a), partially input-convex; see `qdot.algorithms.icnn` for the formula."""

    def __init__(self, observations: int, actions: int, hidden: Sequence[int], values: Values) -> None:
        """Build the layers; `receive` gives them our weights."""
        super().__init__()
        self.values = values
        below = [observations, *hidden]
        self.context = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(below))
        self.bias = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(below))
        self.action_gate = nn.ModuleList(nn.Linear(a, actions) for a in below[:-1])
        self.unit_gate = nn.ModuleList(nn.Linear(a, a) for a in hidden)
        self.convex = nn.ParameterList(torch.zeros(b, a) for a, b in itertools.pairwise(hidden))
        self.free = nn.ModuleList(nn.Linear(actions, width, bias=False) for width in hidden)
        self.readout = nn.Parameter(torch.zeros(hidden[-1]))
        self.linear, self.quadratic = nn.Linear(hidden[-1], actions), nn.Linear(hidden[-1], 1)

    def forward(self, observations: Tensor, actions: Tensor) -> Tensor:
        """(batch,)."""
        context, units = observations, None
        for layer, free in enumerate(self.free):
            before = free(actions * self.action_gate[layer](context)) + self.bias[layer](context)
            if units is not None:
                gated = units * functional.softplus(self.unit_gate[layer - 1](context))
                before = before + functional.linear(gated, functional.softplus(self.convex[layer - 1]))
            units = functional.softplus(before, beta=self.values.softplus_beta, threshold=40)
            context = torch.relu(self.context[layer](context))
        weights = torch.where(self.readout >= 0, self.readout, -self.readout)
        weights = weights * functional.softplus(self.unit_gate[-1](context))
        c = self.values.min_quadratic + functional.softplus(self.quadratic(context)).squeeze(-1)
        affine = 0.5 * c * actions.square().sum(-1) + (self.linear(context) * actions).sum(-1)
        return affine + (weights * units).sum(-1)

    def gradient(self, observations: Tensor, actions: Tensor) -> Tensor:
        """T(s, a) = grad_a psi(s, a), (batch, act), in the graph."""
        point = actions.detach().requires_grad_()
        (moved,) = torch.autograd.grad(self(observations, point).sum(), point, create_graph=True)
        return moved


class PlainQDOT:
    """All networks of one seed, and a step of them."""

    def __init__(
        self, observations: int, actions: int, hidden: Sequence[int], icnn_hidden: Sequence[int], values: Values
    ) -> None:
        """Build the networks and an Adam for each."""
        self.values = values
        self.value = perceptron(observations, hidden, 1)
        self.q = nn.ModuleList(perceptron(observations + actions, hidden, 1) for _ in range(2))
        self.target = copy.deepcopy(self.q).requires_grad_(False)
        self.map = Potential(observations, actions, icnn_hidden, values)
        self.behaviour = Gaussian(observations, actions, hidden)
        self.distilled = Gaussian(observations, actions, hidden)
        self.start()

    def to(self, device: str) -> "PlainQDOT":
        """Move all networks, and make the optimisers anew."""
        for network in (self.value, self.q, self.target, self.map, self.behaviour, self.distilled):
            network.to(device)
        self.start()
        return self

    def start(self) -> None:
        """Make the optimisers; again after other weights were put in place."""
        networks = (self.value, self.q, self.map, self.behaviour, self.distilled)
        self._optimisers = {
            id(network): torch.optim.Adam(network.parameters(), lr=self.values.learning_rate) for network in networks
        }

    def update(self, batch: Batch, rate: float = 1.0) -> dict[str, Tensor]:
        """One step, on rows without a seed axis: V (target Q), map and policies (Q), Q (new V), target Q (new Q)."""
        both = torch.cat([batch.observations, batch.actions], dim=-1)
        with torch.no_grad():
            target_q = torch.minimum(*(q(both).squeeze(-1) for q in self.target))
        error = target_q - self.value(batch.observations).squeeze(-1)
        weight = torch.where(error < 0, 1 - self.values.expectile, self.values.expectile)
        losses = {"value_loss": self.descend(self.value, (weight * error.square()).mean())}
        moved = self.map.gradient(batch.observations, batch.actions)
        losses["transport_loss"] = self.descend(self.map, self.map_loss(batch, moved), rate)
        kept = 1 - batch.held_out
        imitation = -self.behaviour.log_likelihood(batch.observations, batch.actions)
        losses["behaviour_loss"] = self.descend(
            self.behaviour, (imitation * kept).sum() / kept.sum().clamp(min=1), rate
        )
        imitation = -self.distilled.log_likelihood(batch.observations, moved.detach())
        losses["distill_loss"] = self.descend(self.distilled, imitation.mean(), rate)
        with torch.no_grad():
            after = self.value(batch.next_observations).squeeze(-1)
            target = batch.rewards + self.values.discount * (1 - batch.terminals) * after
        missed = torch.stack([(target - q(both).squeeze(-1)).square().mean() for q in self.q]).sum()
        losses["q_loss"] = self.descend(self.q, missed)
        with torch.no_grad():
            for slow, fast in zip(self.target.parameters(), self.q.parameters(), strict=True):
                slow.lerp_(fast, self.values.target_update_rate)
        return losses

    def map_loss(self, batch: Batch, moved: Tensor) -> Tensor:
        """E[ -lambda min_i Q_i(s, clip T) + alpha ||T - a||^2 ], lambda = 1 / E||grad_a Q||."""
        clipped = moved.clamp(-1, 1)
        inputs = torch.cat([batch.observations, clipped], dim=-1)
        q = torch.minimum(*(each(inputs).squeeze(-1) for each in self.q))
        (slope,) = torch.autograd.grad(q.sum(), clipped, retain_graph=True)
        scale = 1 / slope.square().sum(-1).sqrt().mean().clamp(min=1e-6)
        distance = (moved - batch.actions).square().sum(-1).mean()
        return self.values.transport_weight * distance - scale * q.mean()

    def descend(self, network: nn.Module, loss: Tensor, rate: float = 1.0) -> Tensor:
        """One step of a network's Adam; returns the loss."""
        optimiser = self._optimisers[id(network)]
        optimiser.zero_grad()
        loss.backward()
        optimiser.param_groups[0]["lr"] = rate * self.values.learning_rate
        optimiser.step()
        return loss.detach()
