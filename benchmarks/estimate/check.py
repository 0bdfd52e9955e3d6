"""The preflight's estimate beside the jobs themselves: `python benchmarks/estimate/check.py [--steps N]`."""

import argparse
import csv
import datetime
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from qdot import params, recipes
from qdot.provenance import write_json
from qdot.stages import estimate, probe
from qdot.study import Study

TOP = Path(__file__).parents[2]
COLUMNS = ("job", "clock", "predicted", "measured", "ratio", "processes", "load", "device", "date")
CLOCKS: dict[str, Callable[[], float]] = {"cpu": time.process_time, "wall": time.perf_counter}


class Taken(NamedTuple):
    """What a command took: CPU seconds of all its processes, and seconds on the wall."""

    cpu: float
    wall: float


def small_study(folder: Path, chosen: argparse.Namespace) -> Study:
    """One dataset of a suite, with another number of steps, in a folder of its own."""
    for name in ("params.yaml", "workflow"):
        copy = shutil.copytree if (TOP / name).is_dir() else shutil.copy
        copy(TOP / name, folder / name)
    config = params.load() | {"dataset": chosen.dataset, "set": {"train.steps": chosen.steps}}
    return Study.from_config(config, chosen.suite)


def write_recipes(study: Study) -> dict[str, list[dict[str, Any]]]:
    """The jobs of each stage, as the preflight gets them, and their recipes as files."""
    (dataset,) = study.datasets
    jobs: dict[str, list[dict[str, Any]]] = {"data": [recipes.data_recipe(study, dataset)]}
    for stage, make in (("train", recipes.train_recipe), ("evaluate", recipes.evaluate_recipe)):
        jobs[stage] = [make(study, dataset, algorithm) for algorithm in study.algorithms]
    for stage, found in jobs.items():
        for job in found:
            write_json(recipe_file(stage, job), job)
    return jobs


def recipe_file(stage: str, job: dict[str, Any]) -> Path:
    """Where the benchmark puts a recipe."""
    return Path("recipes", stage, f"{job.get('algorithm', 'data')}.json")


def predict(jobs: list[dict[str, Any]], clock: str) -> float:
    """Seconds that the preflight would say on one core, measured by a clock of this process."""
    before, probe.clock = probe.clock, CLOCKS[clock]
    try:
        made = estimate.Estimate()
        for job in jobs:
            made.add(job)
    finally:
        probe.clock = before
    return made.training + made.evaluation


def run(study: Study, stage: str, jobs: list[dict[str, Any]]) -> Taken:
    """A stage's command, as its rule calls it, on one core."""
    (dataset,) = study.datasets
    files = [str(recipe_file(stage, job)) for job in jobs]
    command = [sys.executable, "-m", "qdot", stage, "--recipe", *files, "--log", f"{stage}.log"]
    if stage == "data":
        command.append(str(study.data_dir(dataset) / "manifest.json"))
    else:
        manifests = [path for job in jobs for path in study.manifests(stage, dataset, job["algorithm"])]
        command += ["--workers", "1", "--seeds", ",".join(map(str, study.seeds)), *manifests]
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, env=os.environ | {"PYTHONPATH": str(TOP / "src")})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Taken(cpu, time.perf_counter() - start)


def rows_of(job: str, predicted: dict[str, float], measured: Taken, load: float) -> list[dict[str, Any]]:
    """A row per clock; a ratio of 1 is an estimate that came true."""
    device = f"{platform.machine()}, {os.cpu_count()} cores"
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    return [
        dict(
            zip(
                COLUMNS,
                (
                    job,
                    clock,
                    f"{predicted[clock]:.1f}",
                    f"{getattr(measured, clock):.1f}",
                    f"{predicted[clock] / getattr(measured, clock):.3f}",
                    1,
                    f"{load:.1f}",
                    device,
                    date,
                ),
                strict=True,
            )
        )
        for clock in CLOCKS
    ]


def main() -> int:
    """Predict, run, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", default="quick")
    parser.add_argument("--dataset", default="pendulum")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("estimate.csv"))
    chosen = parser.parse_args()
    out, rows = chosen.out.resolve(), []
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        study = small_study(Path(folder), chosen)
        jobs = write_recipes(study)
        run(study, "data", jobs["data"])
        for stage in ("train", "evaluate"):
            predicted = {clock: predict(jobs[stage], clock) for clock in CLOCKS}
            name = f"{stage} {chosen.suite}/{chosen.dataset}, {len(jobs[stage])} algorithms, {chosen.steps} steps"
            rows += rows_of(name, predicted, run(study, stage, jobs[stage]), os.getloadavg()[0])
        for row in rows:
            print(*row.values(), flush=True)
        os.chdir(TOP)
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
