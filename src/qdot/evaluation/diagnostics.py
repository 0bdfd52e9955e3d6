"""Diagnostics and failure signs of every cell of a study, as long tables."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from qdot.evaluation.gather import manifest_of
from qdot.evaluation.statistics import t_interval
from qdot.evaluation.tables import DIAGNOSTIC_COLUMNS
from qdot.frames import groups, read_csv
from qdot.study import Study

SIGN_COLUMNS = ["dataset", "algorithm", "seed", "sign", "quantity", "value", "threshold"]
SUMMARY_COLUMNS = ["dataset", "algorithm", "readout", "quantity", "value", "low", "high", "seeds"]
NAMES = ("dataset", "algorithm", "readout", "quantity")


class Diagnosed(NamedTuple):
    """What the cells of a study say of themselves.

    Attributes:
        diagnostics: Rows of every diagnostics.csv.
        diagnostics_summary: Their means over seeds, with t intervals.
        signs: Failure signs of every cell, of its curve and of its last checkpoint.
    """

    diagnostics: pd.DataFrame
    diagnostics_summary: pd.DataFrame
    signs: pd.DataFrame


def diagnose(study: Study, confidence: float) -> Diagnosed:
    """Read every cell that is ok.

    Args:
        study: The study.
        confidence: Coverage of the intervals.

    Raises:
        ResultsError: a table that a manifest vouches for is missing or damaged.
    """
    frames: list[pd.DataFrame] = []
    signs: list[dict[str, Any]] = []
    for cell in study.cells():
        trained, found = (manifest_of(study, cell, stage) for stage in ("train", "evaluate"))
        seen = [*trained.get("signs", []), *found.get("signs", [])]
        signs += [{**cell._asdict(), **sign} for sign in seen]
        if "diagnostics.csv" in found.get("files", {}):
            frames.append(_read(study.cell_dir("evaluate", cell) / "diagnostics.csv"))
    filled = [frame for frame in frames if len(frame)]
    rows = pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=list(DIAGNOSTIC_COLUMNS))
    return Diagnosed(rows, _summary(rows, confidence), pd.DataFrame(signs, columns=SIGN_COLUMNS))


def _read(path: Path) -> pd.DataFrame:
    return read_csv(path, DIAGNOSTIC_COLUMNS, text=NAMES)


def _summary(rows: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Mean over seeds and t interval of each quantity."""
    made = []
    for key, own in groups(rows, *NAMES):
        values = own["value"].to_numpy(dtype=np.float64)
        made.append((*key, *t_interval(values, confidence), len(values)))
    return pd.DataFrame(made, columns=SUMMARY_COLUMNS)
