"""What the Snakefile asks of this machine: its resources, a preflight before the first job, tables after a crash."""

import fcntl
import math
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from qdot import gpus
from qdot.errors import QdotError

SHARED = 0.1  # of a training job's work: the critic, which every process of it trains
_held: list[IO[str]] = []


def prepare_commands(top: Path) -> None:
    """Let the rules' commands find this checkout's code and this environment's programs."""
    paths = {"PYTHONPATH": str(top / "src"), "PATH": str(Path(sys.executable).parent)}
    for name, path in paths.items():
        os.environ[name] = os.pathsep.join(filter(None, [path, os.environ.get(name)]))


def hold_checkout(top: Path) -> None:
    """Keep other runs out of this checkout until this process ends; `workflow/run` waits for the same lock.

    Raises:
        QdotError: another run holds it.
    """
    if os.environ.get("QDOT_CHECKOUT_HELD"):
        return
    path = top / ".snakemake" / "run.lock"
    path.parent.mkdir(exist_ok=True)
    _held.append(open(path, "w"))  # noqa: SIM115 - open until the process ends
    try:
        fcntl.flock(_held[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise QdotError(f"another run holds this checkout ({path}); wait for it, or use `make`, which waits") from error
    for left in (top / ".snakemake" / "locks").glob("*"):  # of a run that was killed
        left.unlink()


def spoken_of(suites: Sequence[str], arguments: Sequence[str]) -> list[str]:
    """The suites that a command line names, as a target, in a rule's name or in a path; all for listings and checks.

    Args:
        suites: Names of suites.
        arguments: The command line.
    """
    if {"--list", "--list-rules", "-l", "--list-target-rules", "--lt", "--lint"} & set(arguments):
        return list(suites)
    text = "\n".join(arguments)
    return [name for name in suites if re.search(rf"(?<![a-z0-9]){name}(?![a-z0-9])", text)]


def memory_mb() -> int:
    """Physical memory in MiB."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20


def training_threads(cores: int | None, datasets: int, algorithms: int, each: int) -> int:
    """Cores for one training job: as many as end a study soonest, whose jobs are equal, one per dataset.

    Beside a GPU they play the evaluations: an equal share of all cores for each job that runs at once.

    Args:
        cores: Of this run; None where a cluster decides. Inside a job of Slurm no more count than the job was given.
        datasets: Jobs.
        algorithms: What a job can deal out to its cores.
        each: Torch threads of a process.
    """
    if given := os.environ.get("SLURM_CPUS_ON_NODE"):
        cores = min(cores or 1, int(given))
    if gpus.devices():
        return max(each, cores_beside_a_gpu(cores or 1, gpus.places(), datasets))
    free = max((cores or 1) // each, 1)

    def rounds(processes: int) -> float:
        return math.ceil(datasets / (free // processes)) * (SHARED + (1 - SHARED) / processes)

    return each * min(range(1, min(free, algorithms) + 1), key=rounds)


def cores_beside_a_gpu(cores: int, places: int, jobs: int) -> int:
    """An equal share of the cores for each of the jobs that hold a place on a GPU at once; 1 at least."""
    return max(1, cores // min(places, jobs))


def register(workflow: Any) -> None:
    """Give Snakemake this machine's `gpu` and `mem_mb`, where the user or a profile has not.

    Without a GPU the resource is not limited: training jobs then run side by side on the cores.
    """
    if gpus.devices() and "gpu" not in workflow.global_resources:
        workflow.register_resource("gpu", gpus.places())
    if "mem_mb" not in workflow.global_resources:
        workflow.register_resource("mem_mb", memory_mb())


def _due(workflow: Any, rule_stages: tuple[str, ...]) -> list[str]:
    """Recipes of the jobs that this run will do, by the end of their rules' names."""
    recipes: set[str] = set()
    for job in workflow.dag.needrun_jobs():
        if job.rule.name.endswith(rule_stages) and hasattr(job.input, "recipe"):
            found = job.input.recipe
            recipes.update([found] if isinstance(found, str) else found)
    return sorted(map(str, recipes))


def preflight(workflow: Any) -> None:
    """Print what will run and what it needs; stop before the first job where it cannot.

    Raises:
        QdotError: the preflight refused.
    """
    recipes = _due(workflow, ("data", "train", "evaluate"))
    if recipes and workflow.is_main_process:
        cores = str(workflow.resource_settings.cores or os.cpu_count())
        command = [sys.executable, "-m", "qdot", "preflight", "--cores", cores, *recipes]
        if subprocess.run(command, check=False).returncode:
            raise QdotError("the preflight stopped this run; see the lines above")


def report_what_exists(workflow: Any) -> None:
    """After a job died whole, make tables and report of the studies that were asked for, from what exists."""
    for stage in ("compare", "report"):
        for recipe in _due(workflow, (stage,)):
            command = [sys.executable, "-m", "qdot", stage, "--recipe", recipe]
            if subprocess.run(command, check=False).returncode:
                return  # no report from tables that could not be made
