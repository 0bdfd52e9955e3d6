"""`qdot transport`: the synthetic studies of a suite, a table each."""

import logging
import os
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from qdot import provenance
from qdot.manifests import find_manifest
from qdot.stages.locks import locked
from qdot.stages.pieces import Pieces
from qdot.stages.runtime import runtime
from qdot.training.loop import threads
from qdot.transport.catalogue import run_study
from qdot.transport.records import Row, to_csv

log = logging.getLogger("qdot")
MANIFEST = "manifest.json"
THREADS = 1  # of torch: a result's bits depend on it


def run(recipe_path: Path) -> None:
    """Run the studies that a recipe names and write results/<suite>/transport/: tables, runtime.json, manifest.json.

    Args:
        recipe_path: A JSON file with `stage`, `suite`, `places`, `params` (studies, budget, seeds), `digest`, `code`,
            `packages`.

    Raises:
        ParamsError: For a study or a budget that does not exist.
    """
    recipe = provenance.read_json(recipe_path)
    with locked(recipe):
        _run(recipe)


def _run(recipe: Mapping[str, Any]) -> None:
    """Run those that no earlier run has finished, under the lock; each is kept at once."""
    started = time.perf_counter()
    directory = Path(recipe["places"]["results"]) / recipe["suite"] / "transport"
    provenance.clear_unfinished(directory)
    pieces = Pieces(directory)
    if _is_finished(directory, recipe["digest"]):
        log.info("nothing to do: the studies are finished")
        os.utime(directory / MANIFEST)
        pieces.clear()
        return
    with threads(THREADS):
        tables = {f"{name}.csv": _table(recipe, name, pieces) for name in recipe["params"]["studies"]}
    for name, text in tables.items():
        provenance.write_atomic(directory / name, text)
    for path in directory.glob("*.csv"):
        if path.name not in tables:
            path.unlink()  # of a study that the suite no longer names
    _finish(directory, recipe, sorted(tables), runtime(started, **_cost(recipe, pieces)))
    pieces.clear()


def _is_finished(directory: Path, wanted: str) -> bool:
    """Whether a job that outlived its Snakemake has done it all meanwhile."""
    found = find_manifest(directory / MANIFEST, "digest", "files")
    return (
        found is not None
        and found["status"] == "ok"
        and found["digest"] == wanted
        and not any(provenance.damaged_files(directory, found["files"]))
    )


def _table(recipe: Mapping[str, Any], name: str, pieces: Pieces) -> str:
    """The table of one study, a piece per seed."""
    values, rows = recipe["params"], ""
    for seed in values["seeds"]:
        made_from = [name, values["budget"], seed, recipe["code"], recipe["packages"]]
        rows += pieces.get(_piece(name, seed), made_from, partial(_rows, name, values["budget"], seed))
    return to_csv(()) + rows


def _piece(name: str, seed: int) -> str:
    return f"{name}-seed{seed}"


def _rows(name: str, budget: str, seed: int) -> str:
    """The lines of one study and seed."""
    return to_csv(_timed(name, budget, seed)).removeprefix(to_csv(()))


def _cost(recipe: Mapping[str, Any], pieces: Pieces) -> dict[str, Any]:
    """Seconds of all studies and of each, those of runs that were stopped included."""
    values = recipe["params"]
    by_study = {
        name: round(sum(pieces.seconds[_piece(name, seed)] for seed in values["seeds"]), 3)
        for name in values["studies"]
    }
    return {"seconds": round(sum(pieces.seconds.values()), 3), "seconds_by_study": by_study}


def _finish(directory: Path, recipe: Mapping[str, Any], names: list[str], cost: Mapping[str, Any]) -> None:
    """Write runtime.json and, last, the manifest."""
    # Outside the manifest's files: it holds clocks, and says by its commit when the run was, beside a rule's.
    provenance.write_json(directory / "runtime.json", cost)
    manifest = {
        "schema": 1,
        "stage": recipe["stage"],
        "suite": recipe["suite"],
        "status": "ok",
        "digest": recipe["digest"],
        "params": recipe["params"],
        "code": recipe["code"],
        "versions": recipe["packages"],
        "files": provenance.hash_files(directory, names),
    }
    provenance.write_manifest(directory / MANIFEST, manifest)


def _timed(name: str, scale: str, seed: int) -> list[Row]:
    """The rows of one study, with a line of progress that says which bounds were missed."""
    start = time.monotonic()
    rows = run_study(name, scale, seed)
    missed = [f"{row.problem}/{row.map}/{row.metric}" for row in rows if row.passed is False]
    text = f"missed: {', '.join(missed)}" if missed else "every bound kept"
    log.info("%s, seed %d: %d rows in %.1f s, %s", name, seed, len(rows), time.monotonic() - start, text)
    return rows
