"""What a finished suite left: tables and a page that vouch for themselves, and which of its cells have no result."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qdot.errors import ResultsError
from qdot.frames import read_csv
from qdot.manifests import read_manifest
from qdot.places import Places
from qdot.provenance import is_inside, sha256_file
from qdot.results import compare_dir, vouched

CELL = ["dataset", "algorithm", "seed", "stage"]


@dataclass(frozen=True)
class Finished:
    """The tables and the page of a suite, or of a subset, that are of the cells which lie there now.

    Attributes:
        name: The suite, or the name of a subset's folder in results/subsets.
        tables: Folder of the tables.
        compared: Their manifest.
        page: Folder of the page.
        reported: Its manifest.
        transport: Manifest of the transport studies that the tables read; None where they read none.
        missing: Cells and transport studies without a result, as `train pendulum/qdot seed 3: failed`.
    """

    name: str
    tables: Path
    compared: Mapping[str, Any]
    page: Path
    reported: Mapping[str, Any]
    transport: Path | None
    missing: list[str]

    @classmethod
    def read(cls, name: str, root: Path = Path()) -> "Finished":
        """Read and check what a suite left.

        Args:
            name: The suite, or the name of a subset's folder in results/subsets.
            root: The project's top folder.

        Raises:
            ResultsError: there are no tables or no page, they are damaged, or they are not of today's cells.
        """
        places = Places.load(root)
        tables, page = compare_dir(name, root), places.reports / name
        compared, reported = vouched(tables), vouched(page)
        _require_today(compared, places)
        _require_today(reported, places)
        names = (name for name in compared["inputs"] if name.endswith("/transport/manifest.json"))
        transport = next(map(places.path, names), None)
        return cls(name, tables, compared, page, reported, transport, _missing(tables, transport))


def _require_today(manifest: Mapping[str, Any], places: Places) -> None:
    """Refuse what was made from other manifests than those that lie there."""
    for name, digest in manifest["inputs"].items():
        path = places.path(name)
        if not is_inside(name) or not path.is_file() or sha256_file(path) != digest:
            raise ResultsError(
                f"{path}: is not what {manifest['stage']} of suite {manifest['suite']} was made from; "
                f"run `snakemake {manifest['suite']} --cores all` again"
            )


def _missing(tables: Path, transport: Path | None) -> list[str]:
    cells = read_csv(tables / "cells.csv", [*CELL, "status"], text=("dataset", "algorithm", "stage", "status"))
    found = [
        f"{row.stage} {row.dataset}/{row.algorithm} seed {row.seed}: {row.status}"
        for row in cells[cells["status"] != "ok"].itertuples(index=False)
    ]
    if transport is None:
        found.append("transport: no result")
    elif (status := read_manifest(transport)["status"]) != "ok":
        found.append(f"transport: {status}")
    return found
