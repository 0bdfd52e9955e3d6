"""The peer of the speed benchmark is the same algorithm: an independent form of Q-DOT's step beside ours."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest
import torch
from tiny_cells import random_dataset, values

from qdot.algorithms.base import Batch
from qdot.training.trainer import Trainer

FOLDER = Path(__file__).parents[2] / "benchmarks/speed"


@pytest.fixture
def load(import_from: Callable[[str, str], ModuleType]) -> Callable[[str], ModuleType]:
    """Import the benchmark's scripts by name."""
    return partial(import_from, "speed")


@pytest.mark.parametrize("seed", [0, 2])
def test_steps_and_losses_are_ours(load, seed: int) -> None:
    plain_qdot, weights = load("plain_qdot"), load("weights")
    cell = values("qdot", {"steps": 40, "learning_rate": 1.0e-3}, transport_weight=0.3)
    ours = Trainer("qdot", cell, random_dataset(5, 3), [3, 1, 4])
    everything = cell["train"] | cell["algorithm_values"]
    numbers = plain_qdot.Values(**{name: everything[name] for name in plain_qdot.Values._fields})
    plain = plain_qdot.PlainQDOT(5, 3, [32, 32], [32, 32], numbers)
    weights.receive(plain, ours.model, seed)
    for step in range(20):
        batch = Batch(*(field[seed] for field in ours.source.batch(step)))
        losses = plain.update(batch, ours.model.actor_rate(step))
        ours.advance()
        found = dict(zip(ours.terms, ours.record[-1][:, seed], strict=True))
        for name, loss in losses.items():
            torch.testing.assert_close(found[name], loss, rtol=1e-4, atol=1e-5, msg=f"{name} at step {step}")
    states = torch.randn(64, 5)
    actions = torch.rand(64, 3) * 2 - 1
    moved = ours.model.map.gradient(*(table.expand(3, -1, -1) for table in (states, actions)))[seed]
    assert (moved - actions).abs().mean() > 1e-3
    torch.testing.assert_close(moved, plain.map.gradient(states, actions), rtol=1e-3, atol=1e-4)
