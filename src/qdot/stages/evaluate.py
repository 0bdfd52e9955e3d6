"""`qdot evaluate`: roll the last checkpoint out, every readout, each seed, and see what it does to the data."""

import logging
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from qdot.data.batch import Dataset, Prepared, load_prepared, training_dataset
from qdot.envs.playable import obstacle
from qdot.envs.registry import describe
from qdot.errors import ResultsError
from qdot.evaluation import inspection
from qdot.evaluation.rollout import Evaluator
from qdot.evaluation.scores import normalise
from qdot.evaluation.tables import DATASET_EPISODE_COLUMNS, DIAGNOSTIC_COLUMNS, write_episodes, write_rows
from qdot.provenance import damaged_files, write_json
from qdot.stages.cells import Job, run_due, runtime
from qdot.training.checkpoint import Policy
from qdot.training.loop import threads

log = logging.getLogger("qdot")
FILES = ("episodes.csv", "diagnostics.csv", "dataset_episodes.csv")


def run(recipe: Path, seeds: list[int], manifests: list[Path], workers: int) -> None:
    """Evaluate the due seeds of a recipe; what cannot be evaluated says why in its manifest."""
    run_due(Job.read(recipe, seeds, manifests), _is_blocked, partial(_evaluate, workers=workers))


def _is_blocked(job: Job, seed: int) -> bool:
    """Write the manifest of a seed that cannot be evaluated: failed or missing training, nothing to score in."""
    trained = job.source_manifest(seed)
    reason = obstacle(job.recipe["params"]["data"])
    if trained is None or trained["status"] == "not run":
        job.finish(seed, "not run", (trained or {"reason": "train: no checkpoint"})["reason"])
    elif trained["status"] == "failed":
        job.finish(seed, "failed", trained["reason"])
    elif reason:
        job.finish(seed, "not run", f"evaluate: {reason}")
    else:
        return False
    return True


def _evaluate(job: Job, seeds: list[int], workers: int) -> None:
    """Roll out every readout of every seed; a seed that fails takes no other along."""
    values, started = job.recipe["params"], time.perf_counter()
    log.info("evaluating seeds %s", seeds)
    discount = values["train"]["discount"]
    with Evaluator(values["data"]["environment"], values["dataset"], discount, workers=workers) as evaluator:
        failures: dict[int, Exception] = {}
        for seed in seeds:
            try:
                _submit(job, seed, evaluator)
            except ResultsError as error:
                failures[seed] = error
        rows, failed = evaluator.collect()
    references = values["data"].get("reference_scores")
    prepared, train = load_prepared(Path(job.recipe["data_dir"])), values["train"]
    dataset = training_dataset(prepared, train["reward"], train["normalise_observations"])
    for seed in seeds:
        failure = failures.get(seed) or failed.get(seed)
        if failure is not None:
            job.fail(seed, failure)
            continue
        directory = job.directories[seed]
        own = [row for row in rows if row["seed"] == seed]
        for row in own:
            row["score"] = normalise(row["return"], references) if references else ""
        write_episodes(directory / "episodes.csv", values["dataset"], values["algorithm"], own)
        try:
            inspect(job, seed, own, prepared, dataset)
        except Exception as error:  # noqa: BLE001 - this seed's failure, whatever it is; the others go on
            job.fail(seed, error)
            continue
        write_json(directory / "runtime.json", runtime(started, episodes=len(rows), workers=workers))
        job.finish(seed, "ok", files=FILES, environment=describe(values["data"]["environment"]))


def inspect(job: Job, seed: int, rows: Sequence[Mapping[str, Any]], prepared: Prepared, dataset: Dataset) -> None:
    """Write diagnostics.csv, and dataset_episodes.csv of a policy with a map.

    Args:
        job: The job.
        seed: The seed.
        rows: Its episodes.
        prepared: The data that it was trained on, as recorded.
        dataset: The same as trained on.
    """
    values, directory = job.recipe["params"], job.directories[seed]
    names = {"dataset": values["dataset"], "algorithm": values["algorithm"], "seed": seed}
    policy = Policy.load(job.train_dir(seed) / "policy.safetensors")
    with threads(1):
        found = [
            *inspection.overestimation(rows, inspection.reward_units(prepared, values["train"]["reward"])),
            *inspection.distances(policy, dataset, values["readouts"]),
        ]
        episodes = inspection.episode_rows(policy, prepared, dataset)
    write_rows(directory / "diagnostics.csv", DIAGNOSTIC_COLUMNS, ({**names, **row._asdict()} for row in found))
    if episodes:
        write_rows(directory / "dataset_episodes.csv", DATASET_EPISODE_COLUMNS, ({**names, **row} for row in episodes))


def _submit(job: Job, seed: int, evaluator: Evaluator) -> None:
    """Queue a seed's rollouts.

    Raises:
        ResultsError: its checkpoint differs from what its manifest recorded.
    """
    values, directory = job.recipe["params"], job.train_dir(seed)
    damaged = list(damaged_files(directory, (job.source_manifest(seed) or {})["files"]))
    if damaged:
        raise ResultsError(f"{directory}: {', '.join(damaged)} differ from the manifest; the next run trains it again")
    policy = (directory / "policy.safetensors").read_bytes()
    for readout in values["readouts"]:
        evaluator.submit(policy, seed, readout, values["train"]["steps"], values["evaluate"]["episodes"], "final")
