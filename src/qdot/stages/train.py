"""`qdot train`: one dataset and algorithm, every due seed in one batched model."""

import logging
import os
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch

from qdot.data.batch import load_prepared, training_dataset
from qdot.envs.registry import is_available
from qdot.evaluation.rollout import Evaluator
from qdot.evaluation.tables import write_episodes
from qdot.provenance import write_json
from qdot.stages.cells import Job, run_due, runtime
from qdot.training.loop import train

log = logging.getLogger("qdot")
FILES = ("policy.safetensors", "state.safetensors", "curve.csv", "evaluations.csv")


def run(recipe: Path, seeds: list[int], manifests: list[Path], device: str) -> None:
    """Train the due seeds of a recipe. A failed seed is a manifest with status `failed`; the others go on."""
    run_due(Job.read(recipe, seeds, manifests), _is_blocked, partial(_train, device=device))


def _is_blocked(job: Job, seed: int) -> bool:
    """Write the manifest of a seed that has no dataset to train on."""
    data = job.source_manifest(seed)
    if data is not None and data["status"] == "ok":
        return False
    what = "no dataset" if data is None else data["reason"]["error"].splitlines()[0]
    job.finish(seed, "not run", f"data: {what}")
    return True


def _train(job: Job, due: list[int], device: str) -> None:
    """Train, with evaluations in a process beside."""
    values, started, clock = job.recipe["params"], time.perf_counter(), Clock()
    log.info("training seeds %s for %s steps on %s", due, values["train"]["steps"], device)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # torch wants it for deterministic products on a GPU
    torch.use_deterministic_algorithms(True)
    dataset = training_dataset(
        load_prepared(Path(job.recipe["data_dir"])),
        values["train"]["reward"],
        values["train"]["normalise_observations"],
    )
    directories = {seed: job.directories[seed] for seed in due}
    evaluator = _evaluator(values)
    try:
        evaluate = partial(_submit, evaluator, values) if evaluator else None
        outcomes = train(values["method"], values, dataset, due, device, directories, evaluate, clock)
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
            job.finish(outcome.seed, "ok", files=FILES, signs=[sign._asdict() for sign in outcome.signs])
        else:
            job.fail(outcome.seed, failure)


def _evaluator(values: Mapping[str, Any]) -> Evaluator | None:
    """The pool for evaluations during training; None where there are none, or no environment."""
    environment = values["data"].get("environment")
    if not environment or not is_available(environment)[0] or not values["train"]["evaluate_every"]:
        return None
    return Evaluator(environment, values["dataset"], values["train"]["discount"], workers=1)


def _submit(evaluator: Evaluator, values: Mapping[str, Any], policies: dict[int, bytes], step: int) -> None:
    """Queue an evaluation during training, of the primary readout."""
    train = values["train"]
    protocol = "fixed" if train["evaluate_starts"] == "fixed" else "training"
    for seed, policy in policies.items():
        evaluator.submit(policy, seed, values["primary_readout"], step, train["evaluate_episodes"], protocol)


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
