"""Evaluations during training: rolled out in processes beside it, and kept with what a stopped run had."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from qdot.envs.registry import is_available
from qdot.errors import ResultsError
from qdot.evaluation.evaluator import Evaluator
from qdot.stages.cells import Job
from qdot.training import resume
from qdot.training.trainer import Trainer


class Evaluations:
    """Rollouts of one algorithm during training, of its primary readout: queued, and what came of them until now.

    Attributes:
        job: The job.
        seeds: Its seeds.
        saved: Where they stopped; None to start.
        rows: A row per episode.
        failures: The first error of each seed whose rollouts failed.
    """

    def __init__(self, job: Job, seeds: list[int], pool: Evaluator | None) -> None:
        """Take what a stopped run had; `pool` is None where there is no environment."""
        train = job.recipe["params"]["train"]
        self.job, self.seeds = job, seeds
        found = (resume.read(job.directories[seed] / resume.NAME, job.identity(seed)) for seed in seeds)
        self.saved = [one for one in found if one is not None] or None
        self.rows = [dict(row) for one in self.saved or () for row in one.evaluations]
        self.failures: dict[int, ResultsError] = {}
        self._evaluator = pool.another(train["discount"]) if pool and train["evaluate_every"] else None

    @property
    def evaluates(self) -> bool:
        """Whether anything is rolled out."""
        return self._evaluator is not None

    def submit(self, policies: dict[int, bytes], step: int) -> None:
        """Queue an evaluation of every seed."""
        values = self.job.recipe["params"]
        protocol = "fixed" if values["train"]["evaluate_starts"] == "fixed" else "training"
        assert self._evaluator is not None
        for seed, policy in policies.items():
            episodes = values["train"]["evaluate_episodes"]
            self._evaluator.submit(policy, seed, values["primary_readout"], step, episodes, protocol)

    def settle(self) -> None:
        """Wait for what is queued."""
        rows, failures = self._evaluator.collect() if self._evaluator else ([], {})
        self.rows += rows
        self.failures = failures | self.failures

    def save(self, trainer: Trainer) -> None:
        """Keep where the seeds are; one whose rollouts failed goes on from an earlier stop, or starts again."""
        self.settle()
        for seed in trainer.seeds:
            if seed not in self.failures:
                own = [row for row in self.rows if row["seed"] == seed]
                path = self.job.directories[seed] / resume.NAME
                resume.save(trainer, seed, own).write(path, self.job.identity(seed))


def players_of(values: Mapping[str, Any], workers: int) -> AbstractContextManager[Evaluator | None]:
    """The processes for evaluations during training; None where there is no environment."""
    environment = values["data"].get("environment")
    if not environment or not is_available(environment)[0]:
        return nullcontext()
    return Evaluator(environment, values["dataset"], values["train"]["discount"], workers)
