"""CSV tables of a cell: a row per episode, or per number measured; identity in columns."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from qdot.provenance import write_atomic

EPISODE_COLUMNS = (
    "dataset",
    "algorithm",
    "seed",
    "readout",
    "step",
    "episode",
    "return",
    "length",
    "success",
    "score",
)


DATASET_EPISODE_COLUMNS = (
    "dataset",
    "algorithm",
    "seed",
    "episode",
    "cluster",
    "return",
    "length",
    "displacement",
    "imitation_distance",
    "action_sd",
)
MOVE_COLUMNS = (
    "dataset",
    "algorithm",
    "seed",
    "row",
    "displacement",
    "x",
    "y",
    "action_x",
    "action_y",
    "moved_x",
    "moved_y",
)
DIAGNOSTIC_COLUMNS = ("dataset", "algorithm", "seed", "readout", "quantity", "value")


def write_episodes(path: Path, dataset: str, algorithm: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write episodes atomically, in the order given.

    Args:
        path: The CSV to write.
        dataset: The dataset's full name.
        algorithm: The algorithm's name.
        rows: One mapping per episode with the columns that follow `algorithm`; a missing score is left empty.
    """
    write_rows(path, EPISODE_COLUMNS, ({"dataset": dataset, "algorithm": algorithm, **row} for row in rows))


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows atomically, in the order given; what a row lacks is left empty, what no column names is left out."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomic(path, text.getvalue())
