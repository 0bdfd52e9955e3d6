"""`qdot transport`: the synthetic studies of a suite, a table each."""

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qdot import provenance
from qdot.stages.locks import locked
from qdot.stages.runtime import runtime
from qdot.training.loop import threads
from qdot.transport.catalogue import run_study
from qdot.transport.records import Row, to_csv

log = logging.getLogger("qdot")
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
    """Run them, under the lock."""
    started = time.perf_counter()
    directory = Path(recipe["places"]["results"]) / recipe["suite"] / "transport"
    provenance.clear_unfinished(directory)
    tables, seconds = {}, {}
    with threads(THREADS):
        for name in recipe["params"]["studies"]:
            before = time.perf_counter()
            rows = [row for seed in recipe["params"]["seeds"] for row in _timed(name, recipe["params"]["budget"], seed)]
            tables[f"{name}.csv"], seconds[name] = to_csv(rows), round(time.perf_counter() - before, 3)
    for name, text in tables.items():
        provenance.write_atomic(directory / name, text)
    for path in directory.glob("*.csv"):
        if path.name not in tables:
            path.unlink()  # of a study that the suite no longer names
    # Outside the manifest's files: it holds clocks, and says by its commit when the run was, beside a rule's.
    provenance.write_json(directory / "runtime.json", runtime(started, seconds_by_study=seconds))
    manifest = {
        "schema": 1,
        "stage": recipe["stage"],
        "suite": recipe["suite"],
        "status": "ok",
        "digest": recipe["digest"],
        "params": recipe["params"],
        "code": recipe["code"],
        "versions": recipe["packages"],
        "files": provenance.hash_files(directory, sorted(tables)),
    }
    provenance.write_json(directory / "manifest.json", manifest)


def _timed(name: str, scale: str, seed: int) -> list[Row]:
    """The rows of one study, with a line of progress that says which bounds were missed."""
    start = time.monotonic()
    rows = run_study(name, scale, seed)
    missed = [f"{row.problem}/{row.map}/{row.metric}" for row in rows if row.passed is False]
    text = f"missed: {', '.join(missed)}" if missed else "every bound kept"
    log.info("%s, seed %d: %d rows in %.1f s, %s", name, seed, len(rows), time.monotonic() - start, text)
    return rows
