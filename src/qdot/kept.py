"""A kept suite: a folder of docs/results with a run's tables and report, and the manifest that vouches for them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from qdot.errors import ResultsError
from qdot.frames import groups
from qdot.manifests import read_manifest
from qdot.provenance import damaged_files

MANIFEST = "kept.json"
STATUSES = ("complete", "partial")
FOLDER = Path("docs/results")
MADE_WITH = ("code", "accepted", "versions.", "environment.")  # fields of provenance.csv, by how they begin
MACHINE = ("device", "host", "processors", "python", "git_commit", "git_dirty")  # of them, under `runtime.`


@dataclass(frozen=True)
class Kept:
    """One kept suite.

    Attributes:
        directory: Its folder.
        manifest: The content of its kept.json.
    """

    directory: Path
    manifest: Mapping[str, Any]

    @classmethod
    def read(cls, directory: Path) -> "Kept":
        """Read a folder that `qdot keep` wrote.

        Raises:
            ResultsError: there is no kept.json, or a file is not as it records.
        """
        manifest = read_kept(directory)
        damaged = sorted(damaged_files(directory, manifest["files"]))
        if damaged:
            raise ResultsError(
                f"{directory}: {', '.join(damaged)} missing, or with another SHA-256 than {MANIFEST} records; "
                "restore the folder (git checkout), or keep the suite again"
            )
        return cls(directory, manifest)


def read_kept(directory: Path) -> dict[str, Any]:
    """The manifest of a kept suite; its files are not looked at.

    Raises:
        ResultsError: it is missing or damaged.
    """
    return read_manifest(directory / MANIFEST, "files", "suite", statuses=STATUSES)


def find(root: Path) -> Iterator[Kept]:
    """Every kept suite, in the order of their folders' names."""
    for path in sorted((root / FOLDER).glob(f"*/{MANIFEST}")):
        yield Kept.read(path.parent)


def made_with(provenance: pd.DataFrame) -> pd.DataFrame:
    """What runs were made with: rows of provenance.csv without clocks and digests, counted over cells.

    Returns:
        `stage, field, value, records`, in the order of the first three.
    """
    field = provenance["field"]
    wanted = field.str.startswith(MADE_WITH) | field.isin([f"runtime.{name}" for name in MACHINE])
    counted = [(*key, len(rows)) for key, rows in groups(provenance[wanted], "stage", "field", "value")]
    return pd.DataFrame(sorted(counted), columns=["stage", "field", "value", "records"])
