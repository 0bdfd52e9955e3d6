"""`qdot keep`: copy the tables and the report of a run into docs/results, with a manifest that vouches for them."""

import logging
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from qdot.errors import ResultsError
from qdot.frames import groups, read_csv
from qdot.kept import MANIFEST, read_kept
from qdot.manifests import read_manifest
from qdot.provenance import hash_files, new_folder, write_json
from qdot.stages.finished import CELL, Finished

log = logging.getLogger("qdot")

TABLES = (
    *("scores", "returns", "summary", "coverage", "differences", "strengths", "tuning", "supplement"),
    *("diagnostics_summary", "signs", "facts", "states", "gaps", "bounds", "cells", "costs", "totals", "datasets"),
    *("published_statistics", "replays", "values", "made_with", "external"),
)
JUDGED = ("claims.json", "expectations.json", "metrics.json")
LONG = (
    "profiles.csv",
    "trajectories.csv",
    "evaluations.csv",
    "diagnostics.csv",
    "curves.csv",
)  # kept where they are small
SMALL = 200 * 1024  # bytes of such a table
LIMIT = 5 * 1024 * 1024  # bytes of a kept suite


def run(name: str, folder: Path, partial: bool, root: Path = Path()) -> None:
    """Keep a suite's run, or that of a subset.

    Args:
        name: The suite, or the name of a subset's folder in results/subsets.
        folder: Where to: a folder of docs/results. What `qdot keep` wrote there before is replaced; other files stay.
        partial: Keep it although cells are missing; the manifest then says `partial`, and which.
        root: The project's top folder.

    Raises:
        ResultsError: cells are missing, tables or report are not of today's cells, or it would be too large.
    """
    found = Finished.read(name, root)
    gaps = found.missing
    if gaps and not partial:
        raise ResultsError(
            f"{found.tables}: {len(gaps)} results are missing ({'; '.join(gaps[:3])}{'; ...' if gaps[3:] else ''}); "
            f"run `snakemake {name} --cores all`, or keep what there is with --partial"
        )
    with _staged(folder) as made:
        left_out = _copy(found, made)
        write_json(made / MANIFEST, _manifest(found, made, left_out))
    log.info("kept in %s: commit it with `git add %s`", folder, folder)


@contextmanager
def _staged(folder: Path) -> Iterator[Path]:
    """A new folder beside `folder` that takes its place at the end; after an error nothing has changed.

    Files that no kept.json lists, such as a README.md, move along.
    """
    before = read_kept(folder)["files"] if (folder / MANIFEST).is_file() else {}
    listed = {Path(name).parts[0] for name in before} | ({MANIFEST} if before else set())
    others = [path for path in folder.glob("*") if path.name not in listed]
    if not listed and any(path.name != "README.md" for path in others):
        raise ResultsError(f"{folder}: holds files and no {MANIFEST}; expected a new folder, or one of `qdot keep`")
    with new_folder(folder) as made:
        yield made
        for path in others:
            (shutil.copytree if path.is_dir() else shutil.copy2)(path, made / path.name)


def _copy(found: Finished, made: Path) -> dict[str, int]:
    """Copy what a reader and `qdot verify` need.

    Returns:
        Size in bytes of each table that was left out, by name.
    """
    tables, compared = found.tables, found.compared
    wanted = {tables / name for name in (*(f"{name}.csv" for name in TABLES), *JUDGED) if name in compared["files"]}
    for path in [*wanted, *(found.page / name for name in found.reported["files"])]:
        shutil.copy(path, made / path.name)
    if found.transport is not None:
        (made / "transport").mkdir()
        for name in read_manifest(found.transport, "files")["files"]:
            shutil.copy(found.transport.parent / name, made / "transport" / name)
    for name in LONG:
        size = (tables / name).stat().st_size
        if size <= SMALL and _size(made) + size <= LIMIT:
            shutil.copy(tables / name, made / name)
    if _size(made) > LIMIT:
        sizes = sorted(((path.stat().st_size, path.name) for path in _files(made)), reverse=True)
        largest = ", ".join(f"{file} {size} bytes" for size, file in sizes[:3])
        raise ResultsError(f"{tables}: {_size(made)} bytes to keep, expected at most {LIMIT}; largest: {largest}")
    kept = {path.name for path in _files(made)}
    return {name: os.path.getsize(tables / name) for name in compared["files"] if name not in kept}


def _files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())


def _size(directory: Path) -> int:
    return sum(path.stat().st_size for path in _files(directory))


def _manifest(found: Finished, made: Path, left_out: Mapping[str, int]) -> dict[str, Any]:
    """kept.json: what was kept, of which run, and what was not."""
    tables, compared = found.tables, found.compared
    files = [path.relative_to(made).as_posix() for path in _files(made)]
    cells = read_csv(tables / "cells.csv", ["stage", "status"], text=("stage", "status"))
    coverage: dict[str, dict[str, int]] = {}
    for (stage, status), rows in groups(cells, "stage", "status"):
        coverage.setdefault(stage, {})[status] = len(rows)
    return {
        "schema": 1,
        "suite": compared["suite"],
        "subset": compared["subset"],
        "name": found.name,
        "status": "partial" if found.missing else "complete",
        "coverage": coverage,
        "missing": found.missing,
        "kept": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        **_runs(read_csv(tables / "provenance.csv", [*CELL, "field", "value"], text=("field", "value"))),
        "digest": compared["digest"],
        "rows": {file: len(pd.read_csv(made / file)) for file in files if file.endswith(".csv")},
        "files": hash_files(made, files),
        "bytes": _size(made),
        "left_out": dict(left_out),
    }


def _runs(provenance: pd.DataFrame) -> dict[str, Any]:
    """When the runs ended, and their commits: whether files differed, and how many stages of cells each made."""
    wide = provenance.pivot_table(index=CELL, columns="field", values="value", aggfunc="first")
    wide = wide.reindex(columns=["runtime.finished", "runtime.git_commit", "runtime.git_dirty"])
    ends = sorted(wide["runtime.finished"].dropna())
    commits = [
        {"commit": commit, "dirty": {"true": True, "false": False}.get(dirty), "records": len(rows)}
        for (commit, dirty), rows in groups(wide.fillna("unknown"), "runtime.git_commit", "runtime.git_dirty")
    ]
    return {"first_run": ends[0] if ends else None, "last_run": ends[-1] if ends else None, "commits": commits}
