"""Rollouts as the report reads them: of each dataset what its manifest vouches for. Nothing is rolled out here."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from qdot import rollouts
from qdot.errors import ResultsError
from qdot.frames import read_csv, require_numbers
from qdot.manifests import read_manifest
from qdot.provenance import damaged_files, first_line
from qdot.reporting.source import Source
from qdot.reporting.sourced import Text, read_table
from qdot.study import slug

TEXTS = ("dataset", "algorithm", "readout", "animation", "still", "reason")
NUMBERS = tuple(name for name in rollouts.COLUMNS if name not in TEXTS)


@dataclass(frozen=True)
class Rolled:
    """One dataset's rollouts.

    Attributes:
        dataset: Its name.
        folder: Where they lie.
        name: What the page calls the folder.
        reason: Why there are none; None where there are.
        files: Names that the manifest vouches for.
        rows: rollouts.csv.
        points: paths.csv; empty where the task is no maze.
        walls: walls.csv; empty as well.
    """

    dataset: str
    folder: Path
    name: str
    reason: Text | None
    files: frozenset[str]
    rows: pd.DataFrame
    points: pd.DataFrame
    walls: pd.DataFrame


def read(source: Source) -> list[Rolled]:
    """The rollouts of each dataset that has a manifest of them.

    Raises:
        ResultsError: a manifest is damaged, or a file is not the one that it records.
    """
    return list(_read(source))


def _read(source: Source) -> Iterator[Rolled]:
    for dataset in source.study.datasets:
        folder = source.study.stage_dir("rollouts") / slug(dataset)
        if not (folder / "manifest.json").is_file():
            continue
        name = source.study.places.name(folder)
        manifest = read_manifest(folder / "manifest.json", "files")
        files = manifest.get("files") or {}
        if damaged := sorted(damaged_files(folder, files)):
            raise ResultsError(f"{folder}: {', '.join(damaged)} differ from manifest.json; delete it and run again")
        reason = _reason(manifest.get("reason"), f"{name}/manifest.json") if manifest["status"] != "ok" else None
        empty = pd.DataFrame(columns=rollouts.COLUMNS)
        empty.attrs["file"] = f"{name}/{rollouts.TABLE}"
        rows = empty
        if reason is None:
            rows = read_table(folder / rollouts.TABLE, f"{name}/{rollouts.TABLE}", rollouts.COLUMNS, TEXTS)
            require_numbers(folder / rollouts.TABLE, rows, NUMBERS)
        tables = (
            _table(folder / file, columns) if file in files else pd.DataFrame(columns=columns)
            for file, columns in (
                (rollouts.PATHS, rollouts.PATH_COLUMNS),
                (rollouts.WALLS, rollouts.WALL_COLUMNS),
            )
        )
        yield Rolled(dataset, folder, name, reason, frozenset(files), rows, *tables)


def _table(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    names = ("dataset", "algorithm")
    text, numbers = ([column for column in columns if (column in names) == kind] for kind in (True, False))
    return read_csv(path, columns, text=text, numbers=numbers)


def _reason(reason: object, name: str) -> Text:
    """A manifest's reason in one line, with its place."""
    pointer = "/reason/error" if isinstance(reason, dict) else "/reason"
    return Text(first_line(reason) or "no reason is given", f"{name}#{pointer}")
