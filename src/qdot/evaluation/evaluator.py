"""Rollouts in worker processes; the numbers do not depend on how many workers there are."""

import copy
import functools
import multiprocessing
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import gymnasium

from qdot.errors import ResultsError
from qdot.evaluation.rollout import block_size, blocks, episode_seed, make_environments, run_block
from qdot.processes import end_with_parent, leave_signals_to_parent


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


def _start_worker(line: Connection) -> None:
    """One torch thread per worker: the workers are the parallelism. Something sent down the line ends it at once."""
    import torch

    leave_signals_to_parent()
    end_with_parent(line)
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


@dataclass(frozen=True)
class Queued:
    """An evaluation that was queued: the blocks of one policy.

    Attributes:
        seed: Of the policy.
        blocks: What each block comes to.
    """

    seed: int
    blocks: list[Future[list[dict[str, Any]]]]

    @property
    def is_done(self) -> bool:
        """Whether every block has ended."""
        return all(block.done() for block in self.blocks)


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
        line, self._line = context.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker, initargs=(line,))
        self._queued: list[Queued] = []

    def another(self, discount: float) -> "Evaluator":
        """An evaluator in the same processes, with tasks and a discount of its own; closing one closes both."""
        other = copy.copy(self)
        other._discount, other._queued = discount, []
        return other

    def submit(self, policy: bytes, seed: int, readout: str, step: int, episodes: int, protocol: str) -> None:
        """Queue `episodes` episodes of one policy (the content of its policy.safetensors)."""
        parts = blocks(self._environment, episodes)
        more = seed, readout, step, protocol
        tasks = [Task(self._environment, self._dataset, policy, *more, part, self._discount) for part in parts]
        self._queued.append(Queued(seed, [self._start(task) for task in tasks]))

    def _start(self, task: Task) -> Future[list[dict[str, Any]]]:
        try:
            return self._pool.submit(run_task, task)
        except BrokenProcessPool as error:  # an earlier task's worker was ended: this one's failure as well
            broken: Future[list[dict[str, Any]]] = Future()
            broken.set_exception(error)
            return broken

    @property
    def is_waiting(self) -> bool:
        """Whether something was queued that `collect` has not given."""
        return bool(self._queued)

    def collect(self, seconds: float | None = None) -> tuple[list[dict[str, Any]], dict[int, ResultsError]]:
        """Take what was queued and has ended, whole evaluations alone.

        Args:
            seconds: How long to wait for all of it at most; None: until the last has ended.

        Returns:
            A row per episode, sorted by (seed, readout, step, episode), of the seeds none of whose rollouts failed; and
            the first error of each other seed, with the worker's traceback as its cause.
        """
        wait([block for one in self._queued for block in one.blocks], seconds)
        ended: list[Queued] = []
        going: list[Queued] = []
        for one in self._queued:
            (ended if one.is_done else going).append(one)
        self._queued = going
        rows: list[dict[str, Any]] = []
        failures: dict[int, ResultsError] = {}
        for seed, block in ((one.seed, block) for one in ended for block in one.blocks):
            try:
                rows += block.result()
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

    def close(self, at_once: bool = False) -> None:
        """Drop what is queued and end the workers: after the block that each is at, or at once."""
        if at_once:
            self._line.send_bytes(b"end")  # nobody takes it, so that every worker finds it
        self._pool.shutdown(cancel_futures=True)

    def __enter__(self) -> "Evaluator":
        """The evaluator itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Close it; at once where something was raised."""
        self.close(at_once=kind is not None)
