"""What is kept of a run through Slurm: versions, what was compared, and every job with its state and time."""

import importlib.metadata
import os
from pathlib import Path

import kept_log
from slurm.cluster import Cluster

FIELDS = "%i|%k|%T|%S|%M"  # of squeue: number, rule, state, start, duration
PACKAGES = ("snakemake", "dvc")


def log() -> Path | None:
    """The file that QDOT_SLURM_LOG names, if any."""
    name = os.environ.get("QDOT_SLURM_LOG")
    return kept_log.TOP / name if name else None


def begin(slurm: Cluster) -> None:
    """Begin the log."""
    if path := log():
        versions = [f"{name} {importlib.metadata.version(name)}" for name in PACKAGES]
        plugins = kept_log.pins("requirements-slurm.txt")
        kept_log.begin(path, [slurm.ask("squeue", "--version").strip(), *versions, *plugins])


class Journal:
    """What is kept of one test, behind those before it."""

    def __init__(self, slurm: Cluster) -> None:
        """Of a test: jobs that were there before it are not its own."""
        self._slurm, self._lines = slurm, list[str]()
        self._before = set(self._jobs())

    def say(self, *lines: str) -> None:
        """Add lines."""
        self._lines += lines

    def write(self) -> None:
        """Add the jobs, and write."""
        if path := log():
            jobs = [line.replace("|", "  ") for line in self._jobs() if line not in self._before]
            kept_log.add(path, [*self._lines, f"{len(jobs)} jobs: number, rule, state, start, time", *jobs, ""])

    def _jobs(self) -> list[str]:
        return self._slurm.ask("squeue", "--noheader", "--states=all", f"--format={FIELDS}").splitlines()
