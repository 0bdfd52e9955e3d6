"""Our weights of one seed, given to the networks of `plain_qdot`."""

from typing import Any

import torch
from plain_qdot import PlainQDOT, Potential
from torch import Tensor, nn

from qdot.algorithms.convex_layers import ContextHeads
from qdot.algorithms.icnn import PartiallyConvexPotential
from qdot.algorithms.networks import MLP
from qdot.algorithms.qdot import QDOT


@torch.no_grad()
def receive(plain: PlainQDOT, model: QDOT, seed: int) -> None:
    """Start a plain Q-DOT from the weights of a seed of ours.

    Args:
        plain: Of the same sizes; its optimisers start anew.
        model: The batched model, with a partially convex potential of softplus weights.
        seed: Index of the seed.
    """
    give(plain.value, model.critic.value, seed)
    for twin in range(2):
        give(plain.q[twin], model.critic.q.network, 2 * seed + twin)
        give(plain.target[twin], model.critic.target.network, 2 * seed + twin)
    for mine, ours in ((plain.behaviour, model.behaviour), (plain.distilled, model.distilled)):
        give(mine.network, ours.network, seed)
        mine.log_std.copy_(ours.log_std[seed, 0])  # type: ignore[union-attr, index]
    assert isinstance(model.map, PartiallyConvexPotential)
    give_potential(plain.map, model.map, seed)
    plain.start()


def give(layers: nn.Module, network: MLP, member: int) -> None:
    """Copy a perceptron."""
    affine = [layer for layer in layers.modules() if isinstance(layer, nn.Linear)]
    for mine, ours in zip(affine, [*network.hidden, network.output], strict=True):
        fill(mine, ours.weight[member], ours.bias[member, 0])


def give_potential(plain: Potential, ours: PartiallyConvexPotential, seed: int) -> None:
    """Copy the convex potential: our heads are one product per layer, split into pieces; theirs are layers."""
    for layer, heads in enumerate(ours.heads):
        assert isinstance(heads, ContextHeads)
        last = layer == len(ours.heads) - 1
        named: dict[str, Any] = {"linear": plain.linear, "quadratic": plain.quadratic}
        if not last:
            named = {"next": plain.context[layer], "bias": plain.bias[layer], "action_gate": plain.action_gate[layer]}
        if layer:
            named["unit_gate"] = plain.unit_gate[layer - 1]
        weights, biases = (
            dict(zip(heads.names, tensor[seed].split(heads.widths, dim=-1), strict=True))
            for tensor in (heads.weight, heads.bias)
        )
        assert set(named) == set(heads.names)
        for name, mine in named.items():
            fill(mine, weights[name], biases[name][0])
    for mine, free in zip(plain.free, ours.free, strict=True):
        mine.weight.copy_(free[seed].T)
    for mine, convex in zip(plain.convex, ours.convex, strict=True):
        mine.copy_(convex.raw[seed].T)
    plain.readout.copy_(ours.readout.raw[seed, 0])


def fill(layer: nn.Linear, weight: Tensor, bias: Tensor) -> None:
    """Put a weight (in, out) and a bias (out,) into a layer."""
    layer.weight.copy_(weight.T)
    layer.bias.copy_(bias)
