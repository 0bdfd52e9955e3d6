"""Mean and interval over seeds of everything that has a course: what the report's curves draw."""

import numpy as np
import pandas as pd
from scipy import stats

from qdot.evaluation.gather import Gathered

COLUMNS = ["dataset", "algorithm", "readout", "quantity", "step", "value", "low", "high", "seeds"]
KEY = ["dataset", "algorithm", "readout", "quantity", "step"]
EVALUATED = ["score", "return", "length", "success"]


def trajectory_table(gathered: Gathered, confidence: float) -> pd.DataFrame:
    """Mean over seeds with a t interval, by step: evaluations during training (with a readout) and logged quantities.

    Failed cells are left out. At a step that not every seed has logged, the seeds that have count.
    """
    ok = gathered.cells[(gathered.cells["stage"] == "train") & (gathered.cells["status"] == "ok")]
    cells = ok[["dataset", "algorithm", "seed"]]
    scores = gathered.evaluations.merge(cells).melt(
        ["dataset", "algorithm", "readout", "seed", "step"], EVALUATED, "quantity", "value"
    )
    logged = gathered.curves.merge(cells).assign(readout="")
    rows = pd.concat([frame for frame in (scores, logged) if len(frame)] or [scores]).dropna(subset="value")
    if rows.empty:
        return pd.DataFrame(columns=COLUMNS)
    groups = rows.astype({"value": "float64"}).groupby(KEY, sort=False)["value"]
    table = groups.agg(value="mean", spread="std", seeds="size").reset_index()
    factor = stats.t.ppf(0.5 + confidence / 2, np.maximum(table["seeds"] - 1, 1))
    half = factor * table["spread"] / np.sqrt(table["seeds"])  # spread is NaN for one seed, and so is its interval
    table["low"], table["high"] = table["value"] - half, table["value"] + half
    return table[COLUMNS].sort_values(KEY[:-1], kind="stable").reset_index(drop=True)
