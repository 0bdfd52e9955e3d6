"""`qdot train`: algorithms of one dataset, every due seed of each in one batched model, side by side."""

import logging
import math
import multiprocessing
import os
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from logging.handlers import QueueHandler, QueueListener
from pathlib import Path
from typing import Any

import torch

from qdot.data.batch import Dataset, load_prepared, training_dataset
from qdot.envs.registry import is_available
from qdot.errors import ResultsError
from qdot.evaluation.rollout import Evaluator
from qdot.evaluation.tables import write_episodes
from qdot.provenance import write_json
from qdot.stages.cells import Job, Ready, all_locked, attempt, fail_all, find_ready, runtime
from qdot.training.family import COMMON, Member
from qdot.training.loop import train_family
from qdot.training.memory import keep_freed_memory
from qdot.training.trainer import Outcome

log = logging.getLogger("qdot")
FAMILY = 12  # algorithms that train side by side in one process, at most
FILES = ("policy.safetensors", "state.safetensors", "curve.csv", "evaluations.csv")


def run(recipes: list[Path], seeds: list[int], manifests: list[Path], device: str, workers: int) -> None:
    """Train the due seeds of recipes. A failed seed is a manifest with status `failed`; the others go on.

    Args:
        recipes: One per algorithm, of one dataset.
        seeds: Seeds of each.
        manifests: One per recipe and seed, in the order of the recipes.
        device: Of torch.
        workers: Cores that the algorithms are dealt out to; the numbers do not depend on it.

    Raises:
        ResultsError: a recipe is missing, or there are not as many manifests as recipes and seeds.
    """
    jobs = Job.read(recipes, seeds, manifests)
    with all_locked(jobs):
        families = [part for group in _alike(find_ready(jobs, _is_blocked)) for part in _parts(group, workers)]
        if workers == 1 or len(families) < 2:
            for family in families:
                _train_or_fail(family, device)
        else:
            _side_by_side(families, device, workers)


def _alike(ready: Ready) -> list[Ready]:
    """Jobs that can step together: due for the same seeds, with equal values where a family has one."""
    groups: dict[Any, Ready] = {}
    for job, due in ready:
        train = job.recipe["params"]["train"]
        groups.setdefault((tuple(due), *(train[key] for key in COMMON)), []).append((job, due))
    return list(groups.values())


def _parts(group: Ready, workers: int) -> list[Ready]:
    """A group dealt out to the workers, in parts that are not too large: a part that is stopped is lost."""
    workers //= group[0][0].recipe["params"]["train"]["threads"]
    parts = max(1, min(workers, len(group)), math.ceil(len(group) / FAMILY))
    return [group[start::parts] for start in range(parts)]


def _side_by_side(families: list[Ready], device: str, workers: int) -> None:
    """Train families in processes; their log lines come out here."""
    context = multiprocessing.get_context("spawn")
    lines = context.Queue()
    listener = QueueListener(lines, *logging.getLogger().handlers)
    listener.start()
    try:
        with ProcessPoolExecutor(workers, context, initializer=_start_worker, initargs=(lines,)) as pool:
            futures = [pool.submit(_train_or_fail, family, device) for family in families]
            for family, future in zip(families, futures, strict=True):
                if isinstance(error := future.exception(), BrokenProcessPool):
                    fail_all(family, ResultsError("a training process was ended from outside: too little memory?"))
                elif error is not None:
                    raise error
    finally:
        listener.stop()


def _start_worker(lines: "multiprocessing.Queue[logging.LogRecord]") -> None:
    """Send log lines to the process that started this one."""
    logging.basicConfig(level=logging.INFO, handlers=[QueueHandler(lines)], force=True)


def _train_or_fail(ready: Ready, device: str) -> None:
    """Train a family; what that raises becomes the failure of every seed."""
    attempt(ready, partial(_train, device=device))


def _is_blocked(job: Job, seed: int) -> bool:
    """Write the manifest of a seed that has no dataset to train on."""
    data = job.source_manifest(seed)
    if data is not None and data["status"] == "ok":
        return False
    what = "no dataset" if data is None else data["reason"]["error"].splitlines()[0]
    job.finish(seed, "not run", f"data: {what}")
    return True


def _train(ready: Ready, device: str) -> None:
    """Train jobs that are due for the same seeds side by side, with their evaluations in a process beside."""
    (job, due), started = ready[0], time.perf_counter()
    names = [job.recipe["algorithm"] for job, _ in ready]
    steps = job.recipe["params"]["train"]["steps"]
    log.info("training %s, seeds %s, for %s steps on %s", ", ".join(names), due, steps, device)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # torch wants it for deterministic products on a GPU
    torch.use_deterministic_algorithms(True)
    keep_freed_memory()
    datasets = Datasets(Path(job.recipe["data_dir"]))
    with _pool(job.recipe["params"]) as pool:
        evaluators = [_evaluator(pool, job.recipe["params"]) for job, _ in ready]
        members = [_member(job, due, datasets, own) for (job, _), own in zip(ready, evaluators, strict=True)]
        outcomes = train_family(members, due, device, _say)
        found = [own.collect() if own else ([], {}) for own in evaluators]
    for (job, _), own, (rows, failures) in zip(ready, outcomes, found, strict=True):
        for outcome in own:
            rate = round(len(due) * steps / outcome.seconds, 1) if outcome.seconds else None
            cost = {"device": _device_name(device), "algorithms": names, "seeds": due, "seed_steps_per_second": rate}
            write_json(job.directories[outcome.seed] / "runtime.json", runtime(started, **cost))
            _finish(job, outcome, rows, failures.get(outcome.seed))


def _member(job: Job, seeds: list[int], datasets: "Datasets", evaluator: Evaluator | None) -> Member:
    values = job.recipe["params"]
    directories = {seed: job.directories[seed] for seed in seeds}
    evaluate = partial(_submit, evaluator, values) if evaluator else None
    return Member(values["method"], values, datasets.get(values["train"]), directories, evaluate)


def _finish(job: Job, outcome: Outcome, rows: list[dict[str, Any]], failed_rollout: ResultsError | None) -> None:
    """Write a seed's evaluations and its manifest."""
    values, directory = job.recipe["params"], job.directories[outcome.seed]
    own = [row for row in rows if row["seed"] == outcome.seed]
    write_episodes(directory / "evaluations.csv", values["dataset"], values["algorithm"], own)
    failure = outcome.reason or failed_rollout
    if failure is None:
        job.finish(outcome.seed, "ok", files=FILES, signs=[sign._asdict() for sign in outcome.signs])
    else:
        job.fail(outcome.seed, failure)


class Datasets:
    """A prepared dataset as each algorithm trains on it; the same values give the same object."""

    def __init__(self, directory: Path) -> None:
        """Read it."""
        self._prepared = load_prepared(directory)
        self._made: dict[tuple[str, bool], Dataset] = {}

    def get(self, train: Mapping[str, Any]) -> Dataset:
        """With the rewards and observations that section `train` asks for."""
        key = train["reward"], train["normalise_observations"]
        if key not in self._made:
            self._made[key] = training_dataset(self._prepared, *key)
        return self._made[key]


def _pool(values: Mapping[str, Any]) -> AbstractContextManager[Evaluator | None]:
    """The process for evaluations during training; None where there is no environment."""
    environment = values["data"].get("environment")
    if not environment or not is_available(environment)[0]:
        return nullcontext()
    return Evaluator(environment, values["dataset"], values["train"]["discount"], workers=1)


def _evaluator(pool: Evaluator | None, values: Mapping[str, Any]) -> Evaluator | None:
    """What rolls one algorithm's policies out during training; None where nothing does."""
    train = values["train"]
    return pool.another(train["discount"]) if pool and train["evaluate_every"] else None


def _submit(evaluator: Evaluator, values: Mapping[str, Any], policies: dict[int, bytes], step: int) -> None:
    """Queue an evaluation during training, of the primary readout."""
    train = values["train"]
    protocol = "fixed" if train["evaluate_starts"] == "fixed" else "training"
    for seed, policy in policies.items():
        evaluator.submit(policy, seed, values["primary_readout"], step, train["evaluate_episodes"], protocol)


def _say(step: int, steps: int, seconds: float) -> None:
    """Print how far training is."""
    log.info("step %d of %d, %.0f steps/s, %.0f s left", step, steps, step / seconds, seconds / step * (steps - step))


def _device_name(device: str) -> str:
    return torch.cuda.get_device_name() if device.startswith("cuda") else "cpu"


def default_device() -> str:
    """`cuda` where torch sees a GPU, else `cpu`."""
    return "cuda" if torch.cuda.is_available() else "cpu"
