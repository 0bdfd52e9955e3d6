"""Who is timed: our trainers, plain or compiled, and the plain eager Q-DOT, each a function that takes a step."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from plain_qdot import PlainQDOT, Values
from torch import Tensor
from weights import receive

from qdot import params
from qdot.algorithms.base import Batch
from qdot.algorithms.qdot import QDOT
from qdot.data.batch import Dataset
from qdot.training.family import Family, Member
from qdot.training.streams import Minibatches
from qdot.training.trainer import Trainer

OBSERVED, ACTED, ROWS = 17, 6, 100_000  # widths of HalfCheetah
SUITE, DATASET = "paper", "halfcheetah-medium-v2"  # whose values are taken
Step = Callable[[], object]


def values_of(algorithm: str, own: dict[str, Any] | None = None, **train: Any) -> dict[str, Any]:
    """Resolved values of the paper's suite, with other ones for the train section and the algorithm."""
    found = params.resolve(params.load(), SUITE, DATASET, algorithm).values
    return found | {
        "train": found["train"] | train,
        "algorithm_values": found["algorithm_values"] | (own or {}),
    }


def noise(observed: int = OBSERVED, acted: int = ACTED, rows: int = ROWS) -> Dataset:
    """A dataset of random numbers."""
    draw = np.random.default_rng(0)
    observations = draw.standard_normal((rows, observed), dtype=np.float32)
    return Dataset(
        observations=observations,
        actions=np.tanh(draw.standard_normal((rows, acted), dtype=np.float32)),
        rewards=draw.standard_normal(rows, dtype=np.float32),
        recorded_rewards=np.zeros(rows, np.float32),
        next_observations=np.roll(observations, -1, axis=0),
        terminals=(draw.random(rows) < 0.001).astype(np.float32),
        observation_dim=observed,
        action_dim=acted,
        action_low=-np.ones(acted, np.float32),
        action_high=np.ones(acted, np.float32),
        size=rows,
        episode_starts=np.arange(0, rows, 1000),
        observation_mean=np.zeros(observed, np.float32),
        observation_scale=np.ones(observed, np.float32),
    )


def ours(
    algorithms: Sequence[str], dataset: Dataset, seeds: int, compiled: bool, device: str = "cpu", **train: Any
) -> Family:
    """A family, before its first step; `advance` is the step."""
    settings = {"steps": 10**6, "compile_from": 1 if compiled else None} | train
    members = [Member(name, values_of(name, **settings), dataset) for name in algorithms]
    family = Family(members, list(range(seeds)), device)
    for member in members:
        if member.error is not None:
            raise member.error
    return family


def stepping(family: Family) -> Step:
    """A step of a family, whose record is dropped, as a run drops it with each row of the curves."""

    def step() -> None:
        family.advance()
        for member in family.members:
            if member.error is not None:
                raise member.error
            if member.trainer is not None:
                member.trainer.record.clear()

    return step


def plain_qdot(dataset: Dataset, device: str = "cpu") -> Step:
    """The plain eager Q-DOT, one seed, from our weights."""
    values = values_of("qdot")
    every = values["train"] | values["algorithm_values"]
    numbers = Values(**{name: every[name] for name in Values._fields})
    sizes = dataset.observation_dim, dataset.action_dim
    plain = PlainQDOT(*sizes, every["hidden"], every["icnn_hidden"], numbers).to(device)
    model = Trainer("qdot", values, dataset, [0], device).model
    assert isinstance(model, QDOT)
    receive(plain, model, 0)
    data = [torch.from_numpy(getattr(dataset, name)).to(device) for name in Batch._fields]
    rows = drawn(dataset, every["batch_size"], device)

    def step() -> None:
        chosen = next(rows)
        plain.update(Batch(*(table.index_select(0, chosen) for table in data)))

    return step


def drawn(dataset: Dataset, batch_size: int, device: str = "cpu") -> Iterator[Tensor]:
    """Rows (batch,) of each step, for one seed."""
    stream = Minibatches([0], dataset.size, batch_size, device)
    yield from map(stream.rows, itertools.count())
