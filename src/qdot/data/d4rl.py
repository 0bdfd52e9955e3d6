"""D4RL's files: where each lies, its size, its checksum, and the widths of its domain."""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from qdot.errors import DataError
from qdot.provenance import is_inside
from qdot.rows import read_rows

TABLE = Path("workflow/resources/d4rl_files.csv")
COLUMNS = ("dataset", "path", "bytes", "sha256")

# (observation, action) width by the first part of a dataset's name: D4RL's environments.
WIDTHS = {
    "hopper": (11, 3),
    "halfcheetah": (17, 6),
    "walker2d": (17, 6),
    "ant": (111, 8),
    "antmaze": (29, 8),
    "kitchen": (60, 9),
    "pen": (45, 24),
}

# Metres that the torso (the first two observations) can move in one step, by the same part of the name. An ant runs a
# few metres a second and a step lasts 0.1 s: farther apart, the next row is another episode's (our choice)
STRIDES = {"antmaze": 1.0}


@dataclass(frozen=True)
class D4rlFile:
    """One row of the table.

    Attributes:
        dataset: D4RL's own name (`hopper-medium-v2`).
        path: Path under the official server's base URL.
        bytes: Size, None where unknown.
        sha256: Checksum (64 hex digits), None where nobody has published one.
    """

    dataset: str
    path: str
    bytes: int | None
    sha256: str | None

    @property
    def name(self) -> str:
        """File name without folders."""
        return self.path.rpartition("/")[2]

    @property
    def widths(self) -> tuple[int, int] | None:
        """(observation, action) width of the dataset's domain, None where it is not in the table."""
        return WIDTHS.get(self.dataset.partition("-")[0])

    @property
    def stride(self) -> float | None:
        """Farthest that the torso moves in one step (metres), None where observations do not start with its place."""
        return STRIDES.get(self.dataset.partition("-")[0])


@functools.cache
def read_table(path: Path) -> dict[str, D4rlFile]:
    """Files by dataset name.

    Raises:
        DataError: the table is missing or a row is malformed.
    """
    return {row["dataset"]: _file(row, path) for row in read_rows(path, COLUMNS, DataError)}


def _file(row: Mapping[str, str], path: Path) -> D4rlFile:
    """A row, whose path must stay in the folder of a server or mirror, and whose name becomes a file's."""
    size, sha256 = row["bytes"], row["sha256"].lower()
    name = row["path"].rpartition("/")[2]
    sound = is_inside(row["path"]) and name not in ("", ".") and row["path"].isprintable()
    if not (sound and re.fullmatch(r"\d{0,15}", size, re.ASCII) and re.fullmatch(r"([0-9a-f]{64})?", sha256)):
        raise DataError(
            f"{path}: malformed (row {row['dataset']!r}); expected a path without .., a number of bytes or nothing, "
            "64 hex digits or nothing"
        )
    return D4rlFile(row["dataset"], row["path"], int(size) if size else None, sha256 or None)


def find_file(dataset: str, root: Path = Path()) -> D4rlFile:
    """The file of a D4RL dataset, from `root/workflow/resources/d4rl_files.csv`.

    Raises:
        DataError: the dataset is not listed.
    """
    table = read_table((root / TABLE).absolute())
    if dataset not in table:
        raise DataError(
            f"{dataset}: no D4RL file of this name in {TABLE}; known: {', '.join(table)}. Add a row there, or use "
            "`source: file` with `path` for a file of your own"
        )
    return table[dataset]
