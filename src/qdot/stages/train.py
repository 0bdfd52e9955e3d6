"""`qdot train`: algorithms of one dataset, every due seed of each in one batched model, side by side."""

import logging
import math
import multiprocessing
import os
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext
from functools import partial
from logging.handlers import QueueHandler, QueueListener
from pathlib import Path
from typing import Any

import torch

from qdot import gpus
from qdot.data.batch import Dataset, load_prepared, training_dataset
from qdot.errors import CellFailure, ResultsError
from qdot.evaluation.tables import write_episodes
from qdot.processes import Stop, end_with_parent
from qdot.provenance import first_line, write_json
from qdot.stages.batches import find_groups
from qdot.stages.cells import Job, Ready, attempt, fail_all, find_ready
from qdot.stages.evaluations import Evaluations, await_rollouts, players_of
from qdot.stages.locks import all_locked
from qdot.stages.runtime import runtime
from qdot.training import generations
from qdot.training.family import Member
from qdot.training.loop import Stopped, train_family
from qdot.training.memory import keep_freed_memory
from qdot.training.trainer import Outcome

log = logging.getLogger("qdot")
STOP = Stop()
COMPILED = Path(".snakemake/compiled")
STOPPED = 143  # exit status of a process that SIGTERM ended
FAMILY = 12  # algorithms that train side by side in one process, at most
FILES = ("policy.safetensors", "state.safetensors", "curve.csv", "evaluations.csv")


def run(recipes: list[Path], seeds: list[int], manifests: list[Path], device: str, workers: int) -> None:
    """Train the due seeds of recipes. A failed seed is a manifest with status `failed`; the others go on.

    Args:
        recipes: One per algorithm, of one dataset.
        seeds: Seeds of each.
        manifests: One per recipe and seed, in the order of the recipes.
        device: Of torch; `auto`: a GPU with a place free (`qdot.gpus`), the cores where there is no GPU.
        workers: Cores that the algorithms are dealt out to, or, beside a GPU, the evaluations; no number depends on it.

    Raises:
        ResultsError: a recipe is missing, or there are not as many manifests as recipes and seeds.
        SystemExit: the process was told to stop, and kept where it was.
    """
    jobs = Job.read(recipes, seeds, manifests)
    try:
        _run(jobs, device, workers)
    except Stopped:
        log.warning("stopped; the next run goes on from here")
        raise SystemExit(STOPPED) from None


def _run(jobs: list[Job], device: str, workers: int) -> None:
    """Train what is due, in this process or in workers."""
    with all_locked(job.recipe for job in jobs):
        groups = find_groups(find_ready(jobs, _is_blocked))
        with gpus.leased() if device == "auto" and groups else nullcontext():
            _train_all(groups, default_device() if device == "auto" else device, workers)


def _train_all(groups: list[Ready], device: str, workers: int) -> None:
    """Deal algorithms out to the cores; on a GPU they step in one process, and the cores play its evaluations."""
    on_gpu = device.startswith("cuda")
    families = [part for group in groups for part in _parts(group, 1 if on_gpu else workers)]
    if on_gpu or workers == 1 or len(families) < 2:
        STOP.listen()
        for family in families:
            _train_or_fail(family, device, workers if on_gpu else 1)
    else:
        _side_by_side(families, device, workers)


def _parts(group: Ready, workers: int) -> list[Ready]:
    """A group dealt out to the workers, in parts that are not too large: each keeps its models in memory."""
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
            STOP.listen()
            futures = [pool.submit(_train_or_fail, family, device) for family in families]
            for family, future in zip(families, futures, strict=True):
                if isinstance(error := future.exception(), BrokenProcessPool) and not STOP.is_told:
                    fail_all(family, ResultsError("a training process was ended from outside: too little memory?"))
                elif error is not None:
                    raise error
    finally:
        listener.stop()


def _start_worker(lines: "multiprocessing.Queue[logging.LogRecord]") -> None:
    """Send log lines to the process that started this one; stop when it says so, and when it is gone."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[QueueHandler(lines)], force=True)
    STOP.listen()
    end_with_parent()


def _train_or_fail(ready: Ready, device: str, players: int = 1) -> None:
    """Train a family; what that raises becomes the failure of every seed."""
    attempt(ready, partial(_train, device=device, players=players))


def _is_blocked(job: Job, seed: int) -> bool:
    """Write the manifest of a seed that has no dataset to train on."""
    data = job.source_manifest(seed)
    if data is not None and data["status"] == "ok":
        return False
    what = "no dataset" if data is None else first_line(data.get("reason"))
    job.finish(seed, "not run", f"data: {what}")
    return True


def _train(ready: Ready, device: str, players: int) -> None:
    """Train jobs that are due for the same seeds side by side, with their evaluations in processes beside."""
    (job, due), started = ready[0], time.perf_counter()
    names = [job.recipe["algorithm"] for job, _ in ready]
    steps = job.recipe["params"]["train"]["steps"]
    log.info("training %s, seeds %s, for %s steps on %s", ", ".join(names), due, steps, device)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # torch wants it for deterministic products on a GPU
    # A folder of our own: by itself the compiler takes one in the system's temporary folder, where others can write.
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(COMPILED.resolve()))
    torch.use_deterministic_algorithms(True)
    # Filling what `empty` gives with NaN is a help to find reads of it, at a cost in every operation.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    keep_freed_memory()
    datasets = Datasets(Path(job.recipe["data_dir"]))
    with players_of(job.recipe["params"], players) as pool:
        evaluations = [Evaluations(job, due, pool) for job, _ in ready]
        members = [_member(own, datasets) for own in evaluations]
        first = members[0].saved[0].step if members[0].saved else 0
        if first:
            log.info("going on from step %s", first)
        outcomes = train_family(members, due, device, _say, lambda: STOP.is_told, _save_seconds())
        trainers = [member.trainer if member.error is None else None for member in members]
        await_rollouts(evaluations, trainers, lambda: STOP.is_told, _save_seconds())
    over = []  # deleted last: a seed that failed must not start again while its mates have no manifest
    for found, own in zip(evaluations, outcomes, strict=True):
        for outcome in own:
            rate = round(len(due) * (steps - first) / outcome.seconds, 1) if outcome.seconds else None
            cost = {"device": _device_name(device), "algorithms": names, "seeds": due, "seed_steps_per_second": rate}
            cost["compiled"] = outcome.compiled
            write_json(found.job.directories[outcome.seed] / "runtime.json", runtime(started, **cost))
            if _finish(found, outcome):
                over.append(found.job.directories[outcome.seed])
    for folder in over:
        generations.drop(folder)


def _member(evaluations: Evaluations, datasets: "Datasets") -> Member:
    job, values = evaluations.job, evaluations.job.recipe["params"]
    directories = {seed: job.directories[seed] for seed in evaluations.seeds}
    evaluate = evaluations.submit if evaluations.evaluates else None
    dataset = datasets.get(values["train"])
    return Member(values["method"], values, dataset, directories, evaluate, evaluations.saved, evaluations.save)


def _finish(evaluations: Evaluations, outcome: Outcome) -> bool:
    """Write a seed's evaluations and its manifest; False after a failure that is none of its own: it can go on."""
    job, seed = evaluations.job, outcome.seed
    values, directory = job.recipe["params"], job.directories[seed]
    own = [row for row in evaluations.rows if row["seed"] == seed and seed not in evaluations.failures]
    write_episodes(directory / "evaluations.csv", values["dataset"], values["algorithm"], own)
    failure = outcome.reason or evaluations.failures.get(seed)
    if failure is None:
        job.finish(seed, "ok", files=FILES, signs=[sign._asdict() for sign in outcome.signs])
    else:
        log.error("%s, seed %d: failed: %s", job.name, seed, failure)
        job.fail(seed, failure)
    return failure is None or isinstance(failure, CellFailure)


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


def _save_seconds() -> float:
    """Time between two savings of a running job: the most that a killed one loses."""
    return float(os.environ.get("QDOT_SAVE_SECONDS", "300"))


def _say(step: int, steps: int, rate: float) -> None:
    """Print how far training is."""
    log.info("step %d of %d, %.0f steps/s, %.0f s left", step, steps, rate, (steps - step) / rate)


def _device_name(device: str) -> str:
    return torch.cuda.get_device_name() if device.startswith("cuda") else "cpu"


def default_device() -> str:
    """`cuda` where torch sees a GPU, else `cpu`."""
    return "cuda" if torch.cuda.is_available() else "cpu"
