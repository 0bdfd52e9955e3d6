"""What the train and evaluate commands share: which seeds are due, and their manifests."""

import logging
import os
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qdot import provenance
from qdot.errors import CellFailure, ResultsError, failure
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
    "last_good.safetensors",
    "episodes.csv",
    "diagnostics.csv",
    "dataset_episodes.csv",
    "moves.csv",
    "runtime.json",
)
UNFINISHED = ("resume.before.safetensors", "resume.safetensors")  # of a seed that is not done (`qdot.training`)
LOG_TAIL = 2000  # characters of a traceback that a manifest keeps


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
        return find_manifest(self._source_path(seed))

    def inputs(self) -> list[Path]:
        """The manifests of all that this stage reads, the dataset's first; one may stand there more than once."""
        return [self._data_path, *map(self._source_path, self.directories)]

    @property
    def _data_path(self) -> Path:
        return Path(self.recipe["data_dir"]) / "manifest.json"

    def _source_path(self, seed: int) -> Path:
        return self._data_path if self.recipe["stage"] == "train" else self.train_dir(seed) / "manifest.json"

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
            provenance.clear_unfinished(directory)
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
                for name in UNFINISHED:  # a run was killed between its last two acts
                    (directory / name).unlink(missing_ok=True)
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
        provenance.write_manifest(directory / "manifest.json", manifest)

    def fail(self, seed: int, error: BaseException) -> None:
        """Write a failed seed's manifest: where it stopped and the end of the traceback."""
        tail = "".join(traceback.format_exception(error))[-LOG_TAIL:]
        if isinstance(error, CellFailure):
            reason = failure(error.stage, error.error, tail, error.step, error.term)
        else:
            reason = failure(self.recipe["stage"], f"{type(error).__name__}: {error}", tail)
        self.finish(seed, "failed", reason, files=("curve.csv", "last_good.safetensors"))


Ready = list[tuple[Job, list[int]]]  # jobs, each with the seeds to work on


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
