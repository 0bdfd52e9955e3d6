"""Weights and batches between our batched networks and d3rlpy's modules, and its actor as a policy file of ours."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from d3rlpy.torch_utility import TorchMiniBatch
from torch import Tensor, nn

from qdot.algorithms.networks import MLP
from qdot.data.batch import Dataset, load_prepared, training_dataset
from qdot.training.checkpoint import Policy
from qdot.training.trainer import Trainer

FIELDS = ("observations", "actions", "rewards", "next_observations", "terminals")
ACTION_TOLERANCE = 1e-5  # between d3rlpy's actor and the policy file that holds its weights


def load(cell: Mapping[str, Any]) -> Dataset:
    """The transitions of a cell `{data, values}` as both sides train on them."""
    train = cell["values"]["train"]
    return training_dataset(load_prepared(cell["data"]), train["reward"], train["normalise_observations"])


def tables(dataset: Dataset) -> dict[str, Tensor]:
    """The transitions by field, each (size, width)."""
    return {name: torch.from_numpy(getattr(dataset, name)).view(dataset.size, -1) for name in FIELDS}


def minibatch(data: Mapping[str, Tensor], rows: Tensor) -> TorchMiniBatch:
    """The rows (batch,) as d3rlpy's minibatch; what its offline updates do not read is zero."""
    fields = {name: table.index_select(0, rows) for name, table in data.items()}
    return TorchMiniBatch(
        **fields,
        next_actions=torch.zeros_like(fields["actions"]),
        returns_to_go=torch.zeros_like(fields["rewards"]),
        intervals=torch.ones_like(fields["rewards"]),
        device="cpu:0",
    )


def affine(module: nn.Module) -> list[nn.Linear]:
    """The affine layers of a d3rlpy network, from input to output."""
    return [layer for layer in module.modules() if isinstance(layer, nn.Linear)]


@torch.no_grad()
def give(ours: MLP, member: int, theirs: nn.Module) -> None:
    """Copy one member's weights into a d3rlpy network."""
    for layer, linear in zip([*ours.hidden, ours.output], affine(theirs), strict=True):
        linear.weight.copy_(layer.weight[member].T)
        linear.bias.copy_(layer.bias[member, 0])


@torch.no_grad()
def take(theirs: nn.Module, ours: MLP, member: int) -> None:
    """Copy a d3rlpy network's weights into one member."""
    for layer, linear in zip([*ours.hidden, ours.output], affine(theirs), strict=True):
        layer.weight[member].copy_(linear.weight.T)
        layer.bias[member, 0].copy_(linear.bias)


def policy_file(theirs: nn.Module, values: Mapping[str, Any], dataset: Dataset, seed: int, step: int) -> bytes:
    """d3rlpy's actor tanh(network(s)) as policy.safetensors of our `bc`, which acts by that formula.

    Raises:
        ValueError: the two act differently on the first observations of the dataset.
    """
    trainer = Trainer("bc", {**values, "algorithm_values": {"actor_dropout": 0.0}}, dataset, [seed])
    take(theirs, trainer.model.get_submodule("policy.network"), 0)
    trainer.step = step
    content = trainer.policies()[seed]
    check_actions(theirs, content, dataset)
    return content


@torch.no_grad()
def check_actions(theirs: nn.Module, content: bytes, dataset: Dataset, rows: int = 256) -> None:
    """Refuse a policy file that does not act as d3rlpy's actor does, at the first observations of a dataset."""
    normalised = dataset.observations[:rows]
    observations = normalised * dataset.observation_scale + dataset.observation_mean
    low, high = dataset.action_low, dataset.action_high
    expected = theirs.eval()(torch.from_numpy(normalised)).squashed_mu.numpy()
    found = (Policy.from_bytes(content).act(observations) - low) / (high - low) * 2 - 1
    worst = float(np.abs(found - expected).max())
    if not worst <= ACTION_TOLERANCE:
        raise ValueError(
            f"exported policy: its actions differ from d3rlpy's by {worst:.2g}, expected at most {ACTION_TOLERANCE}; "
            "the networks' layers were matched wrongly"
        )
