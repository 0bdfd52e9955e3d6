"""`qdot evaluate`: roll the last checkpoint out, every readout, each seed."""

import logging
import time
from functools import partial
from pathlib import Path

from qdot.envs.registry import describe, is_available
from qdot.errors import ResultsError
from qdot.evaluation.rollout import Evaluator
from qdot.evaluation.scores import normalise
from qdot.evaluation.tables import write_episodes
from qdot.provenance import damaged_files, write_json
from qdot.stages.cells import Job, run_due, runtime

log = logging.getLogger("qdot")


def run(recipe: Path, seeds: list[int], manifests: list[Path], workers: int) -> None:
    """Evaluate the due seeds of a recipe; what cannot be evaluated says why in its manifest."""
    run_due(Job.read(recipe, seeds, manifests), _is_blocked, partial(_evaluate, workers=workers))


def _is_blocked(job: Job, seed: int) -> bool:
    """Write the manifest of a seed that cannot be evaluated: failed or missing training, no environment."""
    trained = job.source_manifest(seed)
    environment = job.recipe["params"]["data"].get("environment")
    if trained is None or trained["status"] == "not run":
        job.finish(seed, "not run", (trained or {"reason": "train: no checkpoint"})["reason"])
    elif trained["status"] == "failed":
        job.finish(seed, "failed", trained["reason"])
    elif not environment:
        job.finish(seed, "not run", "evaluate: the dataset names no environment")
    elif not is_available(environment)[0]:
        job.finish(seed, "not run", f"evaluate: {is_available(environment)[1]}")
    else:
        return False
    return True


def _evaluate(job: Job, seeds: list[int], workers: int) -> None:
    """Roll out every readout of every seed; a seed that fails takes no other along."""
    values, started = job.recipe["params"], time.perf_counter()
    log.info("evaluating seeds %s", seeds)
    with Evaluator(values["data"]["environment"], values["dataset"], workers=workers) as evaluator:
        failures: dict[int, Exception] = {}
        for seed in seeds:
            try:
                _submit(job, seed, evaluator)
            except ResultsError as error:
                failures[seed] = error
        rows, failed = evaluator.collect()
    references = values["data"].get("reference_scores")
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
        write_json(directory / "runtime.json", runtime(started, episodes=len(rows), workers=workers))
        job.finish(seed, "ok", files=("episodes.csv",), environment=describe(values["data"]["environment"]))


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
