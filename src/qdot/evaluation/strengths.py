"""Strengths of the regularisation side by side: fixed at 1, the domain's own, and the best on each dataset.

The best on a dataset is an oracle: it is chosen by the very scores that it is shown with, which are the higher for it.
"""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from qdot.frames import records
from qdot.study import Study

KEY = "transport_weight"
FIXED = 1.0
COLUMNS = ["dataset", "algorithm", "readout", "kind", "variant", KEY, "value", "low", "high", "seeds"]


def strength_table(study: Study, summary: pd.DataFrame) -> pd.DataFrame:
    """strengths.csv: per dataset and method that was run at two or more strengths, protocol `final`, primary readout.

    Args:
        study: The study.
        summary: summary.csv.
    """
    means = summary[(summary["protocol"] == "final") & (summary["metric"] == "mean")]
    scored = {(row.dataset, row.algorithm, row.readout): row for row in records(means)}
    rows: list[dict[str, Any]] = []
    for dataset in study.datasets:
        for method in dict.fromkeys(study.method(name) for name in study.algorithms):
            rows += _rows(dataset, method, _runs(study, dataset, method), scored)
    return pd.DataFrame(rows, columns=COLUMNS).astype({"seeds": "Int64"})


def _runs(study: Study, dataset: str, method: str) -> dict[str, tuple[float, str]]:
    """Strength and primary readout of every algorithm that differs from the method's own values in strength alone."""
    if method not in study.params["algorithms"]:
        return {}
    own, found = study.resolved(dataset, method), {}
    for name in study.algorithms:
        values = study.resolved(dataset, name)
        strength = values["algorithm_values"].get(KEY)
        same = {**values["algorithm_values"], KEY: None} == {**own["algorithm_values"], KEY: None}
        if study.method(name) == method and strength is not None and same and values["train"] == own["train"]:
            found[name] = (float(strength), values["primary_readout"])
    return found


def _rows(
    dataset: str, method: str, runs: dict[str, tuple[float, str]], scored: dict[tuple[str, str, str], Any]
) -> Iterator[dict[str, Any]]:
    """The rows of one dataset and method; none where fewer than two strengths have a score."""
    known = {name: scored[dataset, name, run[1]] for name, run in runs.items() if (dataset, name, run[1]) in scored}
    if len({runs[name][0] for name in known}) < 2:
        return
    kinds = {
        "fixed": next((name for name in known if runs[name][0] == FIXED), None),
        "domain": method if method in known else None,
        "oracle": max(known, key=lambda name: known[name].value),
    }
    for kind, name in kinds.items():
        if name is not None:
            row = known[name]
            yield {
                **{"dataset": dataset, "algorithm": method, "readout": row.readout, "kind": kind, "variant": name},
                **{KEY: runs[name][0], "value": row.value, "low": row.low, "high": row.high, "seeds": row.seeds},
            }
