"""Rollouts of a policy: episodes in lockstep, each of which is the same whatever runs beside it.

Episodes run in blocks, each block in lockstep with one batched call of the policy per step. A finished episode's last
observation stays in the batch and a block is filled up to `BLOCK` rows, so that the batch's shape, and with it every
bit of an episode's actions, depends neither on the other episodes nor on how many are asked for.
"""

import warnings
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import gymnasium
import numpy as np
import numpy.typing as npt

import qdot.envs  # noqa: F401 - registers our environments
from qdot.envs.lanes import lanes_of
from qdot.envs.registry import ENVIRONMENTS
from qdot.errors import ParamsError

BLOCK = 32  # rows of every call of a policy; its cost hardly depends on them
ACTING = 1  # tells a policy's stream from its environment's
PROTOCOLS = {"final": 0, "training": 1, "fixed": 2}  # separate streams of start states


class Acts(Protocol):
    """What a rollout asks of a policy (`qdot.training.checkpoint.Policy` is one)."""

    def act(
        self,
        observations: npt.NDArray[Any],
        readout: str | None = None,
        generators: Sequence[np.random.Generator] | None = None,
    ) -> npt.NDArray[np.float32]:
        """Actions (n, act) for observations (n, obs), in the environment's units."""
        ...

    def value(self, observations: npt.NDArray[Any], actions: npt.NDArray[np.float32]) -> npt.NDArray[np.float32] | None:
        """Its critic's value of each pair, (n,), in the units it was trained in; None without a critic."""
        ...


@dataclass(frozen=True)
class Episode:
    """What one episode came to.

    Attributes:
        total: Undiscounted return.
        length: Steps.
        success: 1 or 0 where the environment says (`info["success"]` in any step), else None.
        discounted: Discounted return of the reward that the environment's datasets record (`qdot.envs.lanes.Outcome`).
        mass: Sum of the discounts, what a constant reward of 1 would have come to.
        value: The critic's value of the first state and action; None without a critic.
    """

    total: float
    length: int
    success: int | None
    discounted: float
    mass: float
    value: float | None


def episode_seed(dataset: str, protocol: str, seed: int, step: int, episode: int) -> np.random.SeedSequence:
    """The randomness of one episode: shared by all algorithms, so that their scores are paired.

    Args:
        dataset: Full name.
        protocol: `final`; or during training `training`, whose start states differ from step to step, or `fixed`.
        seed: Training seed.
        step: Training step; it counts for `training` alone.
        episode: Index of the episode.
    """
    moment = step if protocol == "training" else 0
    return np.random.SeedSequence([zlib.crc32(dataset.encode()), PROTOCOLS[protocol], seed, moment, episode])


def make_environments(environment: str, count: int) -> list[gymnasium.Env[Any, Any]]:
    """Make `count` copies of an environment.

    Raises:
        ParamsError: its observations or actions are no vectors, or its episodes have no time limit.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*is out of date", DeprecationWarning)  # the version is chosen
        made = [gymnasium.make(environment) for _ in range(count)]
    spec = made[0].spec
    for name, space in (("observation", made[0].observation_space), ("action", made[0].action_space)):
        if not isinstance(space, gymnasium.spaces.Box) or len(space.shape) != 1:
            raise ParamsError(f"environment {environment!r}: {name} space is {space}, expected a Box with one axis")
    if spec is None or spec.max_episode_steps is None:
        raise ParamsError(f"environment {environment!r}: has no time limit; register it with max_episode_steps")
    return made


def block_size(environment: str) -> int:
    """Episodes that run in lockstep: few where a copy of the environment takes much memory."""
    entry = ENVIRONMENTS.get(environment)
    return min(BLOCK, entry.copies) if entry else BLOCK


def blocks(environment: str, episodes: int) -> list[tuple[int, ...]]:
    """Indices of `episodes` episodes, dealt out to blocks."""
    size = block_size(environment)
    return [tuple(range(first, min(first + size, episodes))) for first in range(0, episodes, size)]


def run_block(
    environments: Sequence[gymnasium.Env[Any, Any]],
    policy: Acts,
    readout: str,
    seeds: Sequence[np.random.SeedSequence],
    discount: float,
) -> list[Episode]:
    """Run one episode per environment, in lockstep.

    Args:
        environments: As many as `seeds`, at most `BLOCK`.
        policy: Acts on all of them at once.
        readout: How it acts.
        seeds: Randomness of each episode: of the environment, and of a readout that samples.
        discount: gamma of the discounted returns.
    """
    lanes = lanes_of(environments)
    starts = lanes.reset([int(seed.generate_state(1)[0]) for seed in seeds])
    filling = max(BLOCK - len(seeds), 0)
    observations = np.stack([*starts, *([starts[0]] * filling)])
    streams = [*seeds, *([seeds[0]] * filling)]
    generators = [np.random.default_rng([*seed.generate_state(4), ACTING]) for seed in streams]
    totals, lengths, discounted, mass = (np.zeros(len(seeds)) for _ in range(4))
    success: list[int | None] = [None] * len(seeds)
    running, steps, now, weight = np.arange(len(seeds)), 0, 1.0, 0.0
    actions = policy.act(observations, readout, generators)
    values = policy.value(observations, actions)
    while running.size:
        rewards, over, told, recorded = lanes.step(running, actions, observations)
        rows = slice(len(seeds)) if len(running) == len(seeds) else running  # a slice costs a quarter
        totals[rows] += rewards
        discounted[rows] += now * recorded
        for lane, succeeded in told.items():
            success[lane] = max(success[lane] or 0, int(succeeded))
        steps, weight, now = steps + 1, weight + now, now * discount
        if over.any():
            lengths[running[over]], mass[running[over]] = steps, weight
            running = running[~over]
        if running.size:
            actions = policy.act(observations, readout, generators)
    return [
        Episode(
            float(totals[index]),
            int(lengths[index]),
            success[index],
            float(discounted[index]),
            float(mass[index]),
            None if values is None else float(values[index]),
        )
        for index in range(len(seeds))
    ]
