"""Strengths of the regularisation side by side: fixed at 1, the domain's own, and the best on each dataset.

A sweep may vary a second value beside the strength (the steps of `prox`, a rate): `fixed` and `domain` then have the
domain's own second value, and the best is looked for among all configurations. The best on a dataset is an oracle: it
is chosen by the very scores that it is shown with, which are the higher for it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pandas as pd

from qdot import variants
from qdot.frames import records
from qdot.study import Study

KEY = "transport_weight"
FIXED = 1.0
COLUMNS = ["dataset", "algorithm", "readout", "kind", "variant", KEY, "others", "value", "low", "high", "seeds"]


class Run(NamedTuple):
    """One configuration of a sweep.

    Attributes:
        values: Its resolved values; those of training are named `train.KEY`.
        score: Its row of summary.csv: protocol `final`, primary readout.
    """

    values: Mapping[str, Any]
    score: Any


def strength_table(study: Study, summary: pd.DataFrame) -> pd.DataFrame:
    """strengths.csv: per dataset and sweep, protocol `final`, primary readout.

    A sweep is what ran at two or more strengths, or, of a method that has none (`iql`), in two or more configurations
    of its grid.

    Args:
        study: The study.
        summary: summary.csv.
    """
    means = summary[(summary["protocol"] == "final") & (summary["metric"] == "mean")]
    scored = {(row.dataset, row.algorithm, row.readout): row for row in records(means)}
    rows: list[dict[str, Any]] = []
    for dataset in study.datasets:
        sweeps: dict[str, dict[str, Run]] = {}
        for name in study.algorithms:
            resolved = study.resolved(dataset, name)
            score, values = scored.get((dataset, name, resolved["primary_readout"])), _flat(resolved)
            of = _sweep(study, dataset, name, values)
            if score is not None and of is not None:
                sweeps.setdefault(of, {})[name] = Run(values, score)
        for of, runs in sweeps.items():
            rows += _rows(of, _flat(study.resolved(dataset, of)), runs)
    return pd.DataFrame(rows, columns=COLUMNS).astype({"seeds": "Int64"})


def _flat(resolved: Mapping[str, Any]) -> dict[str, Any]:
    """Resolved values of an algorithm, in one mapping."""
    return {**resolved["algorithm_values"], **{f"train.{key}": value for key, value in resolved["train"].items()}}


def _sweep(study: Study, dataset: str, name: str, values: Mapping[str, Any]) -> str | None:
    """The algorithm whose sweep a run belongs to: itself, too; None for what a grid varied in other values alone."""
    of, method = study.swept_from(name), study.method(name)
    if of is not None:
        own = variants.changes(study.params, name)["algorithm"]
        return of if KEY in own or KEY not in values else None
    if KEY not in values or method == name:
        return name
    of_method = _flat(study.resolved(dataset, method))
    return method if {**values, KEY: None} == {**of_method, KEY: None} else name


def _rows(of: str, own: Mapping[str, Any], runs: Mapping[str, Run]) -> Iterator[dict[str, Any]]:
    """The rows of one sweep on one dataset: none where it has a single strength.

    Args:
        of: The algorithm that was swept.
        own: Its own values there.
        runs: Its configurations that have a score.
    """
    settings = [run.values.get(KEY, name) for name, run in runs.items()]
    if len(set(settings)) < 2:
        return
    first = next(iter(runs.values())).values
    others = [key for key in first if key != KEY and any(run.values[key] != first[key] for run in runs.values())]
    kinds = {
        "fixed": next((name for name, run in runs.items() if run.values == {**own, KEY: FIXED}), None),
        "domain": next((name for name, run in runs.items() if run.values == own), None),
        "oracle": max(runs, key=lambda name: runs[name].score.value),
    }
    for kind, name in kinds.items():
        if name is not None:
            values, row = runs[name]
            yield {
                **{"dataset": row.dataset, "algorithm": of, "readout": row.readout, "kind": kind, "variant": name},
                **{KEY: values.get(KEY), "others": ", ".join(f"{key} {values[key]}" for key in others)},
                **{"value": row.value, "low": row.low, "high": row.high, "seeds": row.seeds},
            }
