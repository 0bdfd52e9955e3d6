"""Locks on results: one job at a time works on a cell, whoever started it."""

import contextlib
import fcntl
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from qdot.errors import ResultsError, unwritable
from qdot.places import Places
from qdot.study import slug


@contextlib.contextmanager
def all_locked(recipes: Iterable[Mapping[str, Any]]) -> Iterator[None]:
    """Hold the locks of the results of several recipes, taken in one order by whoever takes them."""
    with contextlib.ExitStack() as stack:
        for recipe in sorted(recipes, key=lambda recipe: [recipe[key] for key in ("suite", "dataset", "algorithm")]):
            stack.enter_context(locked(recipe))
        yield


@contextlib.contextmanager
def locked(recipe: Mapping[str, Any]) -> Iterator[None]:
    """Hold the lock of one recipe's results: a worker may outlive the Snakemake that started it.

    Raises:
        ResultsError: it cannot be written.
    """
    places = Places.of(recipe["places"] if "places" in recipe else recipe["params"]["places"])
    folder = places.results / recipe["suite"] if "suite" in recipe else places.prepared
    names = [recipe["stage"], slug(recipe.get("dataset", "")), recipe.get("algorithm")]
    with opened(folder, "-".join(filter(None, names))) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def opened(folder: Path, name: str) -> IO[str]:
    """The file of a lock on something in a folder, open.

    Raises:
        ResultsError: it cannot be written.
    """
    path = folder / ".locks" / f"{name}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return open(path, "w")
    except OSError as error:
        raise ResultsError(unwritable(error.filename, error)) from error
