"""`qdot evaluate`: roll the last checkpoint out, every readout, each seed."""

import logging
import time
from pathlib import Path

from qdot.envs.registry import describe, is_available
from qdot.errors import ResultsError
from qdot.evaluation.rollout import Evaluator
from qdot.evaluation.scores import normalise
from qdot.evaluation.tables import write_episodes
from qdot.provenance import damaged_files, write_json
from qdot.stages.cells import Job, locked, runtime

log = logging.getLogger("qdot")


def run(recipe: Path, seeds: list[int], manifests: list[Path], workers: int) -> None:
    """Evaluate the due seeds of a recipe; what cannot be evaluated says why in its manifest."""
    job = Job.read(recipe, seeds, manifests)
    with locked(job):
        due = job.due()
        if not due:
            log.info("nothing due: %d seeds are current", len(seeds))
            return
        ready = [seed for seed in due if not _blocked(job, seed)]
        if not ready:
            return
        log.info("evaluating seeds %s", ready)
        try:
            _evaluate(job, ready, workers)
        except Exception as error:
            log.exception("evaluation failed")
            for seed in ready:
                job.fail(seed, error)


def _blocked(job: Job, seed: int) -> bool:
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
    values, started = job.recipe["params"], time.perf_counter()
    step = values["train"]["steps"]
    with Evaluator(values["data"]["environment"], values["dataset"], workers=workers) as evaluator:
        for seed in seeds:
            directory = job.train_dir(seed)
            damaged = list(damaged_files(directory, (job.source_manifest(seed) or {})["files"]))
            if damaged:
                raise ResultsError(f"{directory}: {damaged} differ from the manifest; run train again")
            policy = (directory / "policy.safetensors").read_bytes()
            for readout in values["readouts"]:
                evaluator.submit(policy, seed, readout, step, values["evaluate"]["episodes"], "final")
        rows = evaluator.rows()
    references = values["data"].get("reference_scores")
    for seed in seeds:
        directory = job.directories[seed]
        own = [row for row in rows if row["seed"] == seed]
        for row in own:
            row["score"] = normalise(row["return"], references) if references else ""
        write_episodes(directory / "episodes.csv", values["dataset"], values["algorithm"], own)
        write_json(directory / "runtime.json", runtime(started, episodes=len(rows), workers=workers))
        job.finish(seed, "ok", files=("episodes.csv",), environment=describe(values["data"]["environment"]))
