"""Rollouts of policies in worker processes; the numbers do not depend on how many workers there are.

Episodes run in blocks, each block in lockstep with one batched call of the policy per step. A finished episode's last
observation stays in the batch and a block is filled up to `BLOCK` rows, so that the batch's shape, and with it every
bit of an episode's actions, depends neither on the other episodes nor on how many are asked for.
"""

import copy
import functools
import multiprocessing
import warnings
import zlib
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, Protocol

import gymnasium
import numpy as np
import numpy.typing as npt

import qdot.envs  # noqa: F401 - registers our environments
from qdot.envs.lanes import lanes_of
from qdot.envs.registry import ENVIRONMENTS
from qdot.errors import ParamsError, ResultsError
from qdot.processes import end_with_parent, leave_signals_to_parent

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
        discounted: Discounted return, in the environment's units.
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
        rewards, over, told = lanes.step(running, actions, observations)
        rows = slice(len(seeds)) if len(running) == len(seeds) else running  # a slice costs a quarter
        totals[rows] += rewards
        discounted[rows] += now * rewards
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


@dataclass(frozen=True)
class Task:
    """One block of episodes of one policy, as it travels to a worker."""

    environment: str
    dataset: str
    policy: bytes
    seed: int
    readout: str
    step: int
    protocol: str
    episodes: tuple[int, ...]
    discount: float


@functools.cache
def _made(environment: str) -> list[gymnasium.Env[Any, Any]]:
    """A worker's environments."""
    return []


def _environments(environment: str, count: int) -> list[gymnasium.Env[Any, Any]]:
    """That many of a worker's environments, each made once."""
    made = _made(environment)
    if len(made) < count:
        made += make_environments(environment, count - len(made))
    return made[:count]


def _start_worker() -> None:
    """One torch thread per worker: the workers are the parallelism."""
    import torch

    leave_signals_to_parent()
    end_with_parent()
    torch.set_num_threads(1)


def run_task(task: Task) -> list[dict[str, Any]]:
    """Run a block in a worker; returns a row per episode.

    Raises:
        ResultsError: it failed. Its cause is the traceback as text: an exception of another package may not survive
            the way between processes.
    """
    try:
        return _run_task(task)
    except Exception as error:
        where = f"{task.dataset}, seed {task.seed}, readout {task.readout}, step {task.step}, episodes {task.episodes}"
        kind = type(error).__name__
        raise ResultsError(f"rollout in {task.environment} failed ({where}): {kind}: {error}") from error


def _run_task(task: Task) -> list[dict[str, Any]]:
    from qdot.training.checkpoint import Policy

    seeds = [episode_seed(task.dataset, task.protocol, task.seed, task.step, episode) for episode in task.episodes]
    environments = _environments(task.environment, len(seeds))
    results = run_block(environments, Policy.from_bytes(task.policy), task.readout, seeds, task.discount)
    return [
        {
            "dataset": task.dataset,
            "seed": task.seed,
            "readout": task.readout,
            "step": task.step,
            "episode": episode,
            "return": result.total,
            "length": result.length,
            "success": "" if result.success is None else result.success,
            "discounted": result.discounted,
            "mass": result.mass,
            "value": result.value,
        }
        for episode, result in zip(task.episodes, results, strict=True)
    ]


class Evaluator:
    """A pool of worker processes that rolls policies out while the caller goes on."""

    def __init__(self, environment: str, dataset: str, discount: float, workers: int = 1) -> None:
        """Start the pool (its processes start with the first task).

        Args:
            environment: Gymnasium id, or `module:Id`.
            dataset: Full name; start states depend on it.
            discount: gamma of the discounted returns.
            workers: Processes.
        """
        self._environment, self._dataset, self._discount = environment, dataset, discount
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker)
        self._pending: list[tuple[int, Future[list[dict[str, Any]]]]] = []

    def another(self, discount: float) -> "Evaluator":
        """An evaluator in the same processes, with tasks and a discount of its own; closing one closes both."""
        other = copy.copy(self)
        other._discount, other._pending = discount, []
        return other

    def submit(self, policy: bytes, seed: int, readout: str, step: int, episodes: int, protocol: str) -> None:
        """Queue `episodes` episodes of one policy (the content of its policy.safetensors)."""
        for block in blocks(self._environment, episodes):
            task = Task(self._environment, self._dataset, policy, seed, readout, step, protocol, block, self._discount)
            self._pending.append((seed, self._pool.submit(run_task, task)))

    def collect(self) -> tuple[list[dict[str, Any]], dict[int, ResultsError]]:
        """Wait for all that was queued.

        Returns:
            A row per episode, sorted by (seed, readout, step, episode), of the seeds whose rollouts all ended; and the
            first error of each other seed, with the worker's traceback as its cause.
        """
        pending, self._pending = self._pending, []
        rows: list[dict[str, Any]] = []
        failures: dict[int, ResultsError] = {}
        for seed, future in pending:
            try:
                rows += future.result()
            except ResultsError as error:
                failures.setdefault(seed, error)
            except BrokenProcessPool:
                failures.setdefault(seed, ResultsError(self._ended_from_outside()))
        rows = [row for row in rows if row["seed"] not in failures]
        return sorted(rows, key=lambda row: (row["seed"], row["readout"], row["step"], row["episode"])), failures

    def _ended_from_outside(self) -> str:
        return (
            f"rollouts in {self._environment}: a worker process was ended from outside; expected free memory for "
            f"{block_size(self._environment)} environments per worker. Use fewer workers"
        )

    def rows(self) -> list[dict[str, Any]]:
        """The rows of `collect`, where nothing may fail.

        Raises:
            ResultsError: a rollout failed, with the worker's traceback; or a worker process was ended from outside.
        """
        rows, failures = self.collect()
        for error in failures.values():
            raise error
        return rows

    def close(self) -> None:
        """Drop what is queued and end the workers."""
        self._pool.shutdown(cancel_futures=True)

    def __enter__(self) -> "Evaluator":
        """The evaluator itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()
