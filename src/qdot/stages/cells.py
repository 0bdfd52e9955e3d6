"""What the train and evaluate commands share: which seeds are due, their manifests, a lock on the cell."""

import contextlib
import fcntl
import logging
import os
import platform
import resource
import subprocess
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qdot import provenance
from qdot.errors import CellFailure, ResultsError
from qdot.manifests import find_manifest
from qdot.places import Places
from qdot.recipes import seed_digest
from qdot.study import slug

log = logging.getLogger("qdot")

SCHEMA = 1
FILES = (
    "policy.safetensors",
    "state.safetensors",
    "curve.csv",
    "evaluations.csv",
    "episodes.csv",
    "diagnostics.csv",
    "dataset_episodes.csv",
    "moves.csv",
    "runtime.json",
)
LOG_TAIL = 2000  # characters of a traceback that a manifest keeps
MOMENT = "%Y-%m-%dT%H:%M:%SZ"
CLOCK_START = time.time() - time.perf_counter()  # one number for all seeds of a job


@dataclass(frozen=True)
class Job:
    """One stage's work on one (dataset, algorithm): the recipe and the folder of each seed.

    Attributes:
        recipe: The recipe's content.
        directories: Folder of each seed's results.
    """

    recipe: Mapping[str, Any]
    directories: Mapping[int, Path]

    @classmethod
    def read(cls, recipes: Sequence[Path], seeds: list[int], manifests: list[Path]) -> "list[Job]":
        """Read recipes and pair each with a manifest per seed.

        Args:
            recipes: One per algorithm, of one dataset.
            seeds: Seeds of each.
            manifests: One per recipe and seed, in the order of the recipes.

        Raises:
            ResultsError: a recipe is missing, or there are not as many manifests as recipes and seeds.
        """
        if len(manifests) != len(recipes) * len(seeds):
            found = f"{len(recipes)} recipes, {len(seeds)} seeds, {len(manifests)} manifests"
            raise ResultsError(f"{recipes[0]}: {found}; expected a manifest per recipe and seed")
        jobs = []
        for recipe, start in zip(recipes, range(0, len(manifests), len(seeds)), strict=True):
            folders = [manifest.parent for manifest in manifests[start : start + len(seeds)]]
            jobs.append(cls(provenance.read_json(recipe), dict(zip(seeds, folders, strict=True))))
        return jobs

    @property
    def name(self) -> str:
        """`suite/dataset/algorithm`, as progress lines show it."""
        return "/".join(self.recipe[key] for key in ("suite", "dataset", "algorithm"))

    def source_manifest(self, seed: int) -> dict[str, Any] | None:
        """The manifest of what this stage reads: the prepared dataset, or the trained cell."""
        if self.recipe["stage"] == "train":
            return find_manifest(Path(self.recipe["data_dir"]) / "manifest.json")
        return find_manifest(self.train_dir(seed) / "manifest.json")

    def train_dir(self, seed: int) -> Path:
        """Folder of the trained cell that an evaluate job reads."""
        recipe = self.recipe
        folder = Places.of(recipe["places"]).results / recipe["suite"] / "train"
        return folder / slug(recipe["dataset"]) / recipe["algorithm"] / f"seed{seed}"

    def source(self, seed: int) -> str | None:
        """SHA-256 of the file this stage reads, as its own manifest records it."""
        name = "arrays.safetensors" if self.recipe["stage"] == "train" else "policy.safetensors"
        return ((self.source_manifest(seed) or {}).get("files") or {}).get(name)

    def identity(self, seed: int) -> str:
        """What a seed's work is: a file of a stopped run is gone on from where it is the same."""
        return f"{seed_digest(self.recipe['digest'], seed)} {self.source(seed)}"

    def _from_same_source(self, found: Mapping[str, Any], seed: int) -> bool:
        """Whether a result was made from what lies there now; a dataset that is gone takes no trained cell with it."""
        source = self.source(seed)
        return found["inputs"].get("source") == source or (self.recipe["stage"] == "train" and source is None)

    def due(self) -> list[int]:
        """Seeds whose result is missing, failed, damaged or made from something else; the others are touched."""
        todo = []
        for seed, directory in self.directories.items():
            path = directory / "manifest.json"
            found = find_manifest(path, "digest", "files", "inputs")
            done = (
                found is not None
                and found["status"] == "ok"
                and found["digest"] == seed_digest(self.recipe["digest"], seed)
                and self._from_same_source(found, seed)
                and not any(provenance.damaged_files(directory, found["files"]))
            )
            if done:
                os.utime(path)
            else:
                for name in ("manifest.json", *FILES):  # a manifest that Snakemake restores then finds no files
                    (directory / name).unlink(missing_ok=True)
                todo.append(seed)
        return todo

    def finish(self, seed: int, status: str, reason: Any = None, files: tuple[str, ...] = (), **more: Any) -> None:
        """Write a seed's manifest: the last act of its work."""
        directory, recipe = self.directories[seed], self.recipe
        manifest = {
            "schema": SCHEMA,
            "stage": recipe["stage"],
            **{key: recipe[key] for key in ("suite", "dataset", "algorithm")},
            "seed": seed,
            "status": status,
            "reason": reason,
            "digest": seed_digest(recipe["digest"], seed),
            "params": recipe["params"],
            "code": recipe["code"],
            "versions": recipe["packages"],
            "files": provenance.hash_files(directory, files),
            "inputs": {"source": self.source(seed)},
            **more,
        }
        provenance.write_json(directory / "manifest.json", manifest)

    def fail(self, seed: int, error: BaseException) -> None:
        """Write a failed seed's manifest: where it stopped and the end of the traceback."""
        reason = {
            "stage": self.recipe["stage"],
            "step": None,
            "term": None,
            "error": f"{type(error).__name__}: {error}",
        }
        if isinstance(error, CellFailure):
            reason |= {"stage": error.stage, "step": error.step, "term": error.term, "error": error.error}
        tail = "".join(traceback.format_exception(error))[-LOG_TAIL:]
        self.finish(seed, "failed", {**reason, "log_tail": tail}, files=("curve.csv",))


Ready = list[tuple[Job, list[int]]]  # jobs, each with the seeds to work on


@contextlib.contextmanager
def all_locked(jobs: Sequence[Job]) -> Iterator[None]:
    """Hold the locks of several jobs' results."""
    with contextlib.ExitStack() as stack:
        for job in sorted(jobs, key=lambda job: job.name):
            stack.enter_context(locked(job.recipe))
        yield


@contextlib.contextmanager
def locked(recipe: Mapping[str, Any]) -> Iterator[None]:
    """Hold the lock of one recipe's results: a worker may outlive the Snakemake that started it.

    Raises:
        ResultsError: it cannot be written.
    """
    places = Places.of(recipe["places"])
    folder = places.results / recipe["suite"] if "suite" in recipe else places.prepared
    names = [recipe["stage"], slug(recipe["dataset"]), recipe.get("algorithm")]
    path = folder / ".locks" / ("-".join(filter(None, names)) + ".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
    except PermissionError as error:
        raise ResultsError(
            f"{error.filename}: cannot be written; expected a writable folder: see `qdot places`"
        ) from error


def find_ready(jobs: Sequence[Job], is_blocked: Callable[[Job, int], bool]) -> Ready:
    """Jobs with the seeds that are due and can be worked on.

    Args:
        jobs: The jobs.
        is_blocked: Whether a due seed cannot be worked on; it then writes that seed's manifest.
    """
    found: Ready = []
    for job in jobs:
        due = job.due()
        ready = [seed for seed in due if not is_blocked(job, seed)]
        if ready:
            found.append((job, ready))
        else:
            current = len(job.directories) - len(due)
            log.info("%s: nothing to do: %d seeds are current, %d cannot be run", job.name, current, len(due))
    return found


def attempt(ready: Ready, work: Callable[[Ready], None]) -> None:
    """Work on jobs that are ready; what that raises becomes the failure of every seed."""
    try:
        work(ready)
    except Exception as error:
        log.exception("failed")
        fail_all(ready, error)


def fail_all(ready: Ready, error: Exception) -> None:
    """Write a failed manifest for every seed."""
    for job, seeds in ready:
        for seed in seeds:
            job.fail(seed, error)


def runtime(started: float, **more: Any) -> dict[str, Any]:
    """What a run cost and where it ran; outside every digest.

    Args:
        started: `time.perf_counter()` at the start.
        **more: Further entries, for example `seed_steps_per_second`.
    """
    seconds = time.perf_counter() - started
    return {
        "seconds": round(seconds, 3),
        "started": time.strftime(MOMENT, time.gmtime(CLOCK_START + started)),
        "finished": time.strftime(MOMENT, time.gmtime()),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "worker_peak_memory_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
        "host": platform.machine() + " " + platform.system(),
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        **git_state(),
        **more,
    }


def git_state() -> dict[str, Any]:
    """The commit that the code was at and whether tracked files differed from it; None outside a repository."""
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    status = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=no"], capture_output=True, text=True, check=False
    )
    if head.returncode:
        return {"git_commit": None, "git_dirty": None}
    return {"git_commit": head.stdout.strip(), "git_dirty": bool(status.stdout.strip())}
