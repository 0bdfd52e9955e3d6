"""`qdot keep`: copy the tables and the report of a run into docs/results, with a manifest that vouches for them."""

import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from qdot.errors import ResultsError
from qdot.frames import groups, read_csv, write_csv
from qdot.kept import MANIFEST, made_with, read_kept
from qdot.manifests import read_manifest
from qdot.places import Places
from qdot.provenance import damaged_files, hash_files, is_inside, sha256_file, write_json
from qdot.results import compare_dir

log = logging.getLogger("qdot")

TABLES = (
    *("scores", "returns", "summary", "coverage", "differences", "strengths", "tuning", "supplement"),
    *("diagnostics_summary", "signs", "cells", "costs", "datasets", "published_statistics", "replays", "values"),
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
LIMIT = 3 * 1024 * 1024  # bytes of a kept suite
CELL = ["dataset", "algorithm", "seed", "stage"]


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
    places = Places.load(root)
    tables, page = compare_dir(name, root), places.reports / name
    compared, reported = _vouched(tables), _vouched(page)
    _require_today(compared, places)
    _require_today(reported, places)
    missing = _missing(tables, compared, places)
    if missing and not partial:
        raise ResultsError(
            f"{tables}: {len(missing)} results are missing ({'; '.join(missing[:3])}{'; ...' if missing[3:] else ''}); "
            f"run `snakemake {name} --cores all`, or keep what there is with --partial"
        )
    with _staged(folder) as made:
        left_out = _copy(tables, compared, page, reported, made, places)
        write_json(made / MANIFEST, _manifest(name, compared, tables, missing, made, left_out))
    log.info("kept in %s: commit it with `git add %s`", folder, folder)


def _vouched(directory: Path) -> dict[str, Any]:
    """The manifest of tables or of a report, whose files are as it recorded them."""
    manifest = read_manifest(directory / "manifest.json", "files", "inputs", "stage", "suite", "digest")
    damaged = sorted(damaged_files(directory, manifest["files"]))
    if damaged:
        raise ResultsError(f"{directory}: {', '.join(damaged)} differ from manifest.json; run its stage again")
    return manifest


def _require_today(manifest: Mapping[str, Any], places: Places) -> None:
    """Refuse what was made from other manifests than those that lie there."""
    for name, digest in manifest["inputs"].items():
        path = places.path(name)
        if not is_inside(name) or not path.is_file() or sha256_file(path) != digest:
            raise ResultsError(
                f"{path}: is not what {manifest['stage']} of suite {manifest['suite']} was made from; "
                f"run `snakemake {manifest['suite']} --cores all` again"
            )


def _missing(tables: Path, compared: Mapping[str, Any], places: Places) -> list[str]:
    """Cells and transport studies without a result, as `train pendulum/qdot seed 3: failed`."""
    cells = read_csv(tables / "cells.csv", [*CELL, "status"], text=("dataset", "algorithm", "stage", "status"))
    found = [
        f"{row.stage} {row.dataset}/{row.algorithm} seed {row.seed}: {row.status}"
        for row in cells[cells["status"] != "ok"].itertuples(index=False)
    ]
    transport = _transport(compared, places)
    if transport is None:
        found.append("transport: no result")
    elif (status := read_manifest(transport)["status"]) != "ok":
        found.append(f"transport: {status}")
    return found


def _transport(compared: Mapping[str, Any], places: Places) -> Path | None:
    """The manifest of the transport studies that the tables read; None where they read none."""
    return next((places.path(name) for name in compared["inputs"] if name.endswith("/transport/manifest.json")), None)


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
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        yield made
        for path in others:
            (shutil.copytree if path.is_dir() else shutil.copy2)(path, made / path.name)
        made.chmod(0o755)
        old = made.with_name(f"{made.name}.old")
        if folder.exists():
            folder.rename(old)
        made.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _copy(
    tables: Path, compared: Mapping[str, Any], page: Path, reported: Mapping[str, Any], made: Path, places: Places
) -> dict[str, int]:
    """Copy what a reader and `qdot verify` need.

    Returns:
        Size in bytes of each table that was left out, by name.
    """
    wanted = {tables / name for name in (*(f"{name}.csv" for name in TABLES), *JUDGED) if name in compared["files"]}
    for path in [*wanted, *(page / name for name in reported["files"])]:
        shutil.copy(path, made / path.name)
    transport = _transport(compared, places)
    if transport is not None:
        (made / "transport").mkdir()
        for name in read_manifest(transport, "files")["files"]:
            shutil.copy(transport.parent / name, made / "transport" / name)
    text = ("dataset", "algorithm", "stage", "field", "value")
    write_csv(made / "made_with.csv", made_with(read_csv(tables / "provenance.csv", [*CELL, *text], text=text)))
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


def _manifest(
    name: str,
    compared: Mapping[str, Any],
    tables: Path,
    missing: list[str],
    made: Path,
    left_out: Mapping[str, int],
) -> dict[str, Any]:
    """kept.json: what was kept, of which run, and what was not."""
    files = [path.relative_to(made).as_posix() for path in _files(made)]
    cells = read_csv(tables / "cells.csv", ["stage", "status"], text=("stage", "status"))
    coverage: dict[str, dict[str, int]] = {}
    for (stage, status), rows in groups(cells, "stage", "status"):
        coverage.setdefault(stage, {})[status] = len(rows)
    return {
        "schema": 1,
        "suite": compared["suite"],
        "subset": compared["subset"],
        "name": name,
        "status": "partial" if missing else "complete",
        "coverage": coverage,
        "missing": missing,
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
