"""What is kept of a run through Slurm: versions, what was compared, and every job with its state and time."""

import importlib.metadata

import kept_log
from slurm.cluster import Cluster

FIELDS = "%i|%k|%T|%S|%M"  # of squeue: number, rule, state, start, duration
PACKAGES = ("snakemake", "dvc")


class Journal:
    """Lines that go behind those of earlier tests in one file; kept only where a file is named."""

    def __init__(self, slurm: Cluster, file: str | None) -> None:
        """Of a test: jobs that were there before it are not its own."""
        self._slurm, self._file, self._lines = slurm, file, list[str]()
        self._before = set(self._jobs())

    def say(self, *lines: str) -> None:
        """Add lines."""
        self._lines += lines

    def write(self) -> None:
        """Add the jobs, and write."""
        if self._file is None:
            return
        path = kept_log.TOP / self._file
        path.parent.mkdir(parents=True, exist_ok=True)
        jobs = [line.replace("|", "  ") for line in self._jobs() if line not in self._before]
        head = [] if path.exists() else self._head()
        with path.open("a", encoding="utf-8") as file:
            file.write(
                "\n".join([*head, "", *self._lines, f"{len(jobs)} jobs: number, rule, state, start, time", *jobs, ""])
            )

    def _jobs(self) -> list[str]:
        return self._slurm.ask("squeue", "--noheader", "--states=all", f"--format={FIELDS}").splitlines()

    def _head(self) -> list[str]:
        versions = [f"{name} {importlib.metadata.version(name)}" for name in PACKAGES]
        slurm = self._slurm.ask("squeue", "--version").strip()
        return kept_log.head([slurm, *versions, *kept_log.pins("requirements-slurm.txt")])
