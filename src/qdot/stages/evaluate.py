"""`qdot evaluate`: roll the last checkpoint out, every readout, each seed, and see what it does to the data."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from qdot.data.batch import Dataset, Prepared, load_prepared, training_dataset
from qdot.envs.playable import obstacle
from qdot.envs.registry import describe
from qdot.errors import ResultsError
from qdot.evaluation import inspection
from qdot.evaluation.evaluator import Evaluator
from qdot.evaluation.scores import normalise
from qdot.evaluation.tables import (
    DATASET_EPISODE_COLUMNS,
    DIAGNOSTIC_COLUMNS,
    MOVE_COLUMNS,
    write_episodes,
    write_rows,
)
from qdot.provenance import damaged_files, write_json
from qdot.stages.cells import Job, Ready, attempt, find_ready
from qdot.stages.locks import all_locked
from qdot.stages.runtime import runtime
from qdot.training.checkpoint import Policy
from qdot.training.loop import threads
from qdot.training.signs import SHARE, Sign, overestimation_signs

log = logging.getLogger("qdot")
POLICY = "policy.safetensors"
FILES = ("episodes.csv", "diagnostics.csv", "dataset_episodes.csv", "moves.csv")


def run(recipes: list[Path], seeds: list[int], manifests: list[Path], workers: int) -> None:
    """Evaluate the due seeds of recipes; what cannot be evaluated says why in its manifest.

    Args:
        recipes: One per algorithm, of one dataset.
        seeds: Seeds of each.
        manifests: One per recipe and seed, in the order of the recipes.
        workers: Processes; the numbers do not depend on it.

    Raises:
        ResultsError: a recipe is missing, or there are not as many manifests as recipes and seeds.
    """
    jobs = Job.read(recipes, seeds, manifests)
    with all_locked(job.recipe for job in jobs):
        ready = find_ready(jobs, _is_blocked)
        if not ready:
            return
        values, started = ready[0][0].recipe["params"], time.perf_counter()
        names = [job.recipe["algorithm"] for job, _ in ready]
        log.info("evaluating %s", ", ".join(names))
        cost = partial(runtime, started, algorithms=names, workers=workers)
        discount = values["train"]["discount"]
        with Evaluator(values["data"]["environment"], values["dataset"], discount, workers) as pool:
            # All are queued before the first is waited for: while one is inspected, the next are rolled out.
            for rollouts in [_Rollouts(job, seeds, pool) for job, seeds in ready]:
                attempt([(rollouts.job, rollouts.seeds)], partial(_evaluate, rollouts, cost))


def _is_blocked(job: Job, seed: int) -> bool:
    """Write the manifest of a seed that cannot be evaluated: failed or missing training, nothing to score in."""
    trained = job.source_manifest(seed)
    reason = obstacle(job.recipe["params"]["data"])
    if trained is None or trained["status"] == "not run":
        job.finish(seed, "not run", (trained or {"reason": "train: no checkpoint"}).get("reason"))
    elif trained["status"] == "failed":
        job.finish(seed, "failed", trained.get("reason"))
    elif reason:
        job.finish(seed, "not run", f"evaluate: {reason}")
    else:
        return False
    return True


class _Rollouts:
    """Queued rollouts of one algorithm.

    Attributes:
        job: The job.
        seeds: Its due seeds.
        failures: Seeds whose checkpoint differs from what its manifest recorded.
        evaluator: Rolls the others out.
    """

    def __init__(self, job: Job, seeds: list[int], pool: Evaluator) -> None:
        """Queue every readout of every seed."""
        self.job, self.seeds = job, seeds
        self.evaluator = pool.another(job.recipe["params"]["train"]["discount"])
        self.failures: dict[int, Exception] = {}
        for seed in seeds:
            try:
                _submit(job, seed, self.evaluator)
            except ResultsError as error:
                self.failures[seed] = error


def _evaluate(rollouts: _Rollouts, cost: Callable[..., dict[str, Any]], _: Ready) -> None:
    """Wait for every readout of every seed, and write what came of it; a seed that fails takes no other along."""
    job, values = rollouts.job, rollouts.job.recipe["params"]
    rows, failed = rollouts.evaluator.collect()
    log.info("%s: rolled out seeds %s", values["algorithm"], rollouts.seeds)
    references = values["data"].get("reference_scores")
    prepared, train = load_prepared(Path(job.recipe["data_dir"])), values["train"]
    dataset = training_dataset(prepared, train["reward"], train["normalise_observations"])
    for seed in rollouts.seeds:
        failure = rollouts.failures.get(seed) or failed.get(seed)
        if failure is not None:
            job.fail(seed, failure)
            continue
        directory = job.directories[seed]
        own = [row for row in rows if row["seed"] == seed]
        for row in own:
            row["score"] = normalise(row["return"], references) if references else ""
        write_episodes(directory / "episodes.csv", values["dataset"], values["algorithm"], own)
        try:
            signs = inspect(job, seed, own, prepared, dataset)
        except Exception as error:  # noqa: BLE001 - this seed's failure, whatever it is; the others go on
            job.fail(seed, error)
            continue
        write_json(directory / "runtime.json", cost(episodes=len(rows)))
        more = {"environment": describe(values["data"]["environment"]), "signs": [sign._asdict() for sign in signs]}
        job.finish(seed, "ok", files=FILES, **more)


def inspect(job: Job, seed: int, rows: Sequence[Mapping[str, Any]], prepared: Prepared, dataset: Dataset) -> list[Sign]:
    """Write diagnostics.csv, and dataset_episodes.csv and moves.csv of a policy with a map.

    Args:
        job: The job.
        seed: The seed.
        rows: Its episodes.
        prepared: The data that it was trained on, as recorded.
        dataset: The same as trained on.

    Returns:
        Failure signs of the last checkpoint.
    """
    values, directory = job.recipe["params"], job.directories[seed]
    names = {"dataset": values["dataset"], "algorithm": values["algorithm"], "seed": seed}
    policy = Policy.load(job.train_dir(seed) / POLICY)
    units = inspection.reward_units(prepared, values["train"]["reward"])
    largest = inspection.largest_return(dataset, values["train"]["discount"])
    with threads(1):
        found = [
            *inspection.overestimation(rows, units, largest),
            *inspection.distances(policy, dataset, values["readouts"]),
            *inspection.training_law(policy, dataset),
        ]
        episodes = inspection.episode_rows(policy, prepared, dataset)
        moves = inspection.move_rows(policy, prepared, dataset, values["evaluate"]["position"])
    write_rows(directory / "diagnostics.csv", DIAGNOSTIC_COLUMNS, ({**names, **row._asdict()} for row in found))
    if episodes:
        write_rows(directory / "dataset_episodes.csv", DATASET_EPISODE_COLUMNS, ({**names, **row} for row in episodes))
        write_rows(directory / "moves.csv", MOVE_COLUMNS, ({**names, **row} for row in moves))
    return overestimation_signs({row.readout: row.value for row in found if row.quantity == SHARE})


def _submit(job: Job, seed: int, evaluator: Evaluator) -> None:
    """Queue a seed's rollouts.

    Raises:
        ResultsError: its checkpoint differs from what its manifest recorded.
    """
    values, directory = job.recipe["params"], job.train_dir(seed)
    recorded = (job.source_manifest(seed) or {}).get("files", {})
    damaged = list(damaged_files(directory, {POLICY: "", **recorded}))
    if damaged:
        raise ResultsError(f"{directory}: {', '.join(damaged)} differ from the manifest; the next run trains it again")
    policy = (directory / POLICY).read_bytes()
    for readout in values["readouts"]:
        evaluator.submit(policy, seed, readout, values["train"]["steps"], values["evaluate"]["episodes"], "final")
