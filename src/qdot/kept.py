"""A kept suite: a folder of docs/results with a run's tables and report, and the manifest that vouches for them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qdot.errors import ResultsError
from qdot.manifests import read_manifest
from qdot.provenance import damaged_files

MANIFEST = "kept.json"
STATUSES = ("complete", "partial")
FOLDER = Path("docs/results")


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
    for path in folders(root):
        yield Kept.read(path)


def folders(root: Path) -> list[Path]:
    """The folder of every kept suite, unread."""
    return [path.parent for path in sorted((root / FOLDER).glob(f"*/{MANIFEST}"))]
