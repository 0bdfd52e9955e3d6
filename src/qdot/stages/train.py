"""`qdot train`: one dataset and algorithm, every due seed in one batched model."""

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

import torch

from qdot.data.batch import load_prepared, training_dataset
from qdot.envs.registry import is_available
from qdot.evaluation.rollout import Evaluator
from qdot.evaluation.tables import write_episodes
from qdot.provenance import write_json
from qdot.stages.cells import Job, locked, runtime
from qdot.training.loop import train

log = logging.getLogger("qdot")
FILES = ("policy.safetensors", "state.safetensors", "curve.csv", "evaluations.csv")


def run(recipe: Path, seeds: list[int], manifests: list[Path], device: str) -> None:
    """Train the due seeds of a recipe. A failed seed is a manifest with status `failed`; the others go on."""
    job = Job.read(recipe, seeds, manifests)
    with locked(job.recipe):
        due = job.due()
        if not due:
            log.info("nothing due: %d seeds are current", len(seeds))
            return
        data = job.source_manifest(due[0])
        if data is None or data["status"] != "ok":
            what = "no dataset" if data is None else data["reason"]["error"].splitlines()[0]
            for seed in due:
                job.finish(seed, "not run", f"data: {what}")
            log.warning("not run: %s", what)
            return
        log.info("training seeds %s for %s steps on %s", due, job.recipe["params"]["train"]["steps"], device)
        try:
            _train(job, due, device)
        except Exception as error:
            log.exception("training failed")
            for seed in due:
                job.fail(seed, error)


def _train(job: Job, due: list[int], device: str) -> None:
    """Train, with evaluations in a process beside."""
    values, started = job.recipe["params"], time.perf_counter()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # torch wants it for deterministic products on a GPU
    torch.use_deterministic_algorithms(True)
    dataset = training_dataset(load_prepared(Path(job.recipe["data_dir"])), values["train"]["reward"])
    environment = values["data"].get("environment")
    available = bool(environment) and is_available(environment)[0] and values["train"]["evaluate_every"] > 0
    evaluator = Evaluator(environment, values["dataset"], workers=1) if available else None
    evaluate: Callable[[dict[int, bytes], int], None] | None = None
    if evaluator:
        readout, episodes = values["primary_readout"], values["train"]["evaluate_episodes"]

        def evaluate(policies: dict[int, bytes], step: int) -> None:
            for seed, policy in policies.items():
                evaluator.submit(policy, seed, readout, step, episodes, "training")

    clock = Clock()
    try:
        outcomes = train(
            values["algorithm"],
            values,
            dataset,
            due,
            device=device,
            directories={seed: job.directories[seed] for seed in due},
            evaluate=evaluate,
            progress=clock,
        )
        rows, failures = evaluator.collect() if evaluator else ([], {})
    finally:
        if evaluator:
            evaluator.close()
    rate = len(due) * values["train"]["steps"] / clock.seconds
    for outcome in outcomes:
        directory = job.directories[outcome.seed]
        own = [row for row in rows if row["seed"] == outcome.seed]
        write_episodes(directory / "evaluations.csv", values["dataset"], values["algorithm"], own)
        cost = runtime(started, device=_device_name(device), seeds=due, seed_steps_per_second=round(rate, 1))
        write_json(directory / "runtime.json", cost)
        failure = outcome.reason or failures.get(outcome.seed)
        if failure is None:
            job.finish(outcome.seed, "ok", files=FILES)
        else:
            job.fail(outcome.seed, failure)


class Clock:
    """Prints progress, and keeps what the steps themselves took.

    Attributes:
        seconds: Time of the training loop, without start-up and without waiting for evaluations.
    """

    seconds = float("nan")

    def __call__(self, step: int, steps: int, seconds: float) -> None:
        """Note and print how far training is."""
        self.seconds = seconds
        log.info(
            "step %d of %d, %.0f steps/s, %.0f s left", step, steps, step / seconds, seconds / step * (steps - step)
        )


def _device_name(device: str) -> str:
    return torch.cuda.get_device_name() if device.startswith("cuda") else "cpu"


def default_device() -> str:
    """`cuda` where torch sees a GPU, else `cpu`."""
    return "cuda" if torch.cuda.is_available() else "cpu"
