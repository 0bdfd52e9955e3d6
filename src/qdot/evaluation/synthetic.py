"""Quantities of the transport studies: synthetic problems, so no dataset; seeds are those of weights and samples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from qdot.evaluation.evidence import Evidence, Finding, Untestable
from qdot.evaluation.measures import TMeasure
from qdot.evaluation.statistics import Estimate

COLUMNS = ["study", "problem", "map", "samples", "dim", "seed", "metric", "value"]


@dataclass(frozen=True)
class Certain:
    """A number that no sampling stands behind: it is beyond a bound or not, and has no interval.

    Attributes:
        value: The number.
    """

    value: float

    def interval(self, confidence: float) -> Estimate:
        """The value alone."""
        return Estimate(self.value, float("nan"), float("nan"))

    def p_above(self, bound: float) -> float:
        """0 where it lies above the bound, else 1; a NaN lies nowhere."""
        return 0.0 if self.value > bound else 1.0

    def p_below(self, bound: float) -> float:
        """0 where it lies below the bound, else 1."""
        return 0.0 if self.value < bound else 1.0


def transport_difference(
    evidence: Evidence,
    datasets: Sequence[str],
    table: str,
    metric: str,
    where: Mapping[str, Any],
    first: str,
    second: str | None = None,
) -> Finding:
    """A metric of the transport studies: of the map `first`, minus that of the map `second` where one is named.

    Paired by seed, one t test over seeds.

    Args:
        evidence: What the study measured.
        datasets: None: the problems are synthetic.
        table: The studies' table, `lqr` for lqr.csv.
        metric: Its metric.
        where: Values of other columns that the rows must have.
        first: A map.
        second: Another map.
    """
    rows = _rows(evidence, table, metric, where)
    values = {name: _by_seed(rows, name, table, metric, where) for name in (first, second) if name is not None}
    series = values[first] if second is None else (values[first] - values[second]).dropna()
    if series.empty:
        raise Untestable(f"the maps {first} and {second} have no seed in common in transport/{table}.csv")
    remarks = [f"{name}: {found.mean():.4g}." for name, found in values.items()]
    return Finding(TMeasure.of(series.to_numpy(dtype=float)), [], list(values), len(series), remarks)


def transport_worst(
    evidence: Evidence, datasets: Sequence[str], table: str, metric: str, where: Mapping[str, Any], first: str
) -> Finding:
    """The largest value over seeds of a metric of the transport studies: for what must hold whenever it is computed.

    Args:
        evidence: What the study measured.
        datasets: None: the problems are synthetic.
        table: The studies' table, `certificate` for certificate.csv.
        metric: Its metric.
        where: Values of other columns that the rows must have.
        first: A map.
    """
    rows = _rows(evidence, table, metric, where)
    seeds = len(_by_seed(rows, first, table, metric, where))
    worst = float(rows.loc[rows["map"] == first, "value"].max(skipna=False))
    remark = f"{first}: the largest number of {seeds} seeds; no test, every seed must keep the bound."
    return Finding(Certain(worst), [], [first], seeds, [remark])


def _rows(evidence: Evidence, table: str, metric: str, where: Mapping[str, Any]) -> pd.DataFrame:
    """Rows of a table with this metric, and these values of other columns."""
    if table not in evidence.transport.tables:
        raise Untestable(f"transport/{table}.csv: {evidence.transport.reason}")
    rows = evidence.transport.tables[table]
    missing = [column for column in COLUMNS if column not in rows.columns]
    if missing:
        raise Untestable(f"transport/{table}.csv has no column {', '.join(missing)}")
    for column, value in {**where, "metric": metric}.items():
        rows = rows[rows[column] == value]
    return rows


def _by_seed(rows: pd.DataFrame, name: str, table: str, metric: str, where: Mapping[str, Any]) -> pd.Series:
    """A map's value by seed, the mean of its rows."""
    found = rows[rows["map"] == name].groupby("seed")["value"].mean()
    if found.empty:
        places = ", ".join(f"{column} {value}" for column, value in where.items())
        raise Untestable(f"transport/{table}.csv has no {metric} of the map {name} at {places}")
    return found
