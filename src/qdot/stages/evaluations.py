"""Evaluations during training: rolled out in processes beside it, and kept with what a stopped run had."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from qdot.envs.registry import is_available
from qdot.errors import ResultsError
from qdot.evaluation.evaluator import Evaluator
from qdot.stages.cells import Job
from qdot.training import generations, resume
from qdot.training.loop import Stopped
from qdot.training.trainer import Trainer

PATIENCE = 1.0  # seconds between two looks at whether to stop


class Evaluations:
    """Rollouts of one algorithm during training, of its primary readout: queued, and what came of them until now.

    Attributes:
        job: The job.
        seeds: Its seeds.
        saved: Where they stopped; None to start.
        rows: A row per episode.
        pending: Policy files by (seed, step), from when they are queued until their rows are there.
        failures: The first error of each seed whose rollouts failed.
    """

    def __init__(self, job: Job, seeds: list[int], pool: Evaluator | None) -> None:
        """Take what a stopped run had, and queue what it had not finished; no `pool`: there is no environment.

        Raises:
            ResultsError: what it had not finished is no policy, or cannot be rolled out here.
        """
        train = job.recipe["params"]["train"]
        self.job, self.seeds = job, seeds
        found = {seed: generations.last(job.directories[seed], job.identity(seed)) for seed in seeds}
        self.saved = [one for one in found.values() if one is not None] or None
        self.rows = [dict(row) for one in self.saved or () for row in one.evaluations]
        self.pending: dict[tuple[int, int], bytes] = {}
        self.failures: dict[int, ResultsError] = {}
        self._evaluator = pool.another(train["discount"]) if pool and train["evaluate_every"] else None
        for seed, one in found.items():
            for step, policy in (one.policies(seed) if one else {}).items():
                if self._evaluator is None:
                    where = job.directories[seed] / resume.NAME
                    raise ResultsError(f"{where}: policies wait to be rolled out, and the environment is not installed")
                self.submit({seed: policy}, step)

    @property
    def evaluates(self) -> bool:
        """Whether anything is rolled out."""
        return self._evaluator is not None

    @property
    def is_waiting(self) -> bool:
        """Whether something is queued or rolled out."""
        return self._evaluator is not None and self._evaluator.is_waiting

    def submit(self, policies: dict[int, bytes], step: int) -> None:
        """Queue an evaluation of every seed."""
        values = self.job.recipe["params"]
        protocol = "fixed" if values["train"]["evaluate_starts"] == "fixed" else "training"
        assert self._evaluator is not None
        for seed, policy in policies.items():
            episodes = values["train"]["evaluate_episodes"]
            self.pending[seed, step] = policy
            self._evaluator.submit(policy, seed, values["primary_readout"], step, episodes, protocol)

    def take(self, seconds: float) -> None:
        """Take what has ended, or ends in some seconds; what failed stays pending, for a later run."""
        rows, failures = self._evaluator.collect(seconds) if self._evaluator else ([], {})
        self.rows = sorted([*self.rows, *rows], key=lambda row: (row["seed"], row["step"], row["episode"]))
        for row in rows:
            self.pending.pop((row["seed"], row["step"]), None)
        self.failures = failures | self.failures

    def save(self, trainer: Trainer) -> None:
        """Keep where the seeds are, with what was rolled out and the policies that are still to be; waits for none."""
        self.take(0.0)
        for seed in trainer.seeds:
            own = [row for row in self.rows if row["seed"] == seed]
            pending = {step: policy for (other, step), policy in self.pending.items() if other == seed}
            saved = resume.save(trainer, seed, own, pending)
            generations.keep(saved, self.job.directories[seed], self.job.identity(seed))


def await_rollouts(
    evaluations: Sequence[Evaluations],
    trainers: Sequence[Trainer | None],
    stop: Callable[[], bool],
    save_seconds: float,
) -> None:
    """Wait for what is still rolled out when training has ended, and keep what came of it every some minutes.

    Args:
        evaluations: Of each algorithm.
        trainers: Of each; None where it failed, and is not to be kept.
        stop: Asked every second whether to save and stop.
        save_seconds: Time between two savings.

    Raises:
        Stopped: `stop` said so.
    """
    saved = time.monotonic()
    while True:
        waiting = [own for own in evaluations if own.is_waiting]
        if waiting:
            waiting[0].take(PATIENCE)
        told = stop()  # also where none waits: a signal may have ended a worker, which is no failure of its rollouts
        if told or (waiting and time.monotonic() - saved >= save_seconds):
            for own, trainer in zip(evaluations, trainers, strict=True):
                if trainer is not None:
                    own.save(trainer)
            saved = time.monotonic()
        if told:
            raise Stopped
        if not waiting:
            return


def players_of(values: Mapping[str, Any], workers: int) -> AbstractContextManager[Evaluator | None]:
    """The processes for evaluations during training; None where there is no environment."""
    environment = values["data"].get("environment")
    if not environment or not is_available(environment)[0]:
        return nullcontext()
    return Evaluator(environment, values["dataset"], values["train"]["discount"], workers)
