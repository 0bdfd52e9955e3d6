"""CSV tables of episodes: a row per episode, identity in columns."""

import csv
import io
from collections.abc import Mapping, Sequence
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


def write_episodes(path: Path, dataset: str, algorithm: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write episodes atomically, in the order given.

    Args:
        path: The CSV to write.
        dataset: The dataset's full name.
        algorithm: The algorithm's name.
        rows: One mapping per episode with the columns that follow `algorithm`; a missing score is left empty.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, EPISODE_COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        known = {key: row[key] for key in EPISODE_COLUMNS if key in row}
        writer.writerow({"dataset": dataset, "algorithm": algorithm, **known})
    write_atomic(path, text.getvalue())
