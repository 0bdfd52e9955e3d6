"""Tables of the report: long results widened into rows that the templates print. Nothing is measured here."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from qdot.reporting.source import Source
from qdot.reporting.sourced import records

NOT_AT_HAND = "not at hand"
Row = dict[str, Any]


class Measured(NamedTuple):
    """A number of the study with its interval, and how much is behind it."""

    value: float
    low: float
    high: float
    seeds: int
    episodes: int


def known(value: Any) -> bool:
    """Whether a field holds something."""
    return value is not None and not (isinstance(value, float) and math.isnan(value)) and value is not pd.NA


def in_study_order(source: Source, rows: list[Row]) -> list[Row]:
    """Rows with a dataset and an algorithm, in the study's order of both."""
    datasets, algorithms = source.study.datasets, source.study.algorithms
    return sorted(rows, key=lambda row: (datasets.index(row["dataset"]), algorithms.index(row["algorithm"])))


def lookup(summary: pd.DataFrame, protocol: str, metric: str) -> dict[tuple[str, str, str], Measured]:
    """Rows of summary.csv of one protocol and metric, by (dataset, algorithm, readout)."""
    rows = summary[(summary["protocol"] == protocol) & (summary["metric"] == metric)]
    return {
        (row.dataset, row.algorithm, row.readout): Measured(row.value, row.low, row.high, row.seeds, row.episodes)
        for row in records(rows)
    }


def entries(scores: pd.DataFrame, protocol: str, dataset: str) -> list[tuple[str, str]]:
    """(algorithm, readout) that the study plans on a dataset, in its order."""
    rows = scores[(scores["protocol"] == protocol) & (scores["dataset"] == dataset)]
    return list(dict.fromkeys(zip(rows["algorithm"], rows["readout"], strict=True)))


def protocol_names(source: Source) -> dict[str, str]:
    """Short column heads of the protocols published on the study's datasets, by full name, in the file's order."""
    published = source.published[source.published["dataset"].isin(source.study.datasets)]
    short = {}
    for name in dict.fromkeys(published["protocol"]):
        short[name] = next((word for word in ("mixed", "during training") if word in name), name)
    return short


def score_groups(source: Source) -> list[Row]:
    """Per dataset: our rows beside published columns, then what others published and we did not run."""
    states = {(row.dataset, row.algorithm): row for row in records(source.states) if not row.variants}
    means, returns = (lookup(source.summary, source.headline, metric) for metric in ("mean", "return"))
    groups = []
    for row in records(source.datasets):
        published = source.published[source.published["dataset"] == row.dataset]
        by_pair = {(p.algorithm, p.protocol): p for p in records(published)}
        ours = [
            {
                "algorithm": algorithm,
                "readout": readout,
                "measured": means.get((row.dataset, algorithm, readout)),
                "raw": returns.get((row.dataset, algorithm, readout)),
                "state": states.get((row.dataset, algorithm)),
                "published": _published(source, by_pair, algorithm, row.standing),
            }
            for algorithm, readout in entries(source.scores, source.headline, row.dataset)
            if algorithm in source.methods
        ]
        others = [a for a in dict.fromkeys(published["algorithm"]) if a not in source.methods]
        groups.append(
            {
                "dataset": row.dataset,
                "standing": row.standing,
                "inferred": _inferred(source, row.dataset),
                "ours": ours,
                "baselines": _theirs(source, by_pair, [a for a in others if a in source.stated["baselines"]]),
                "later": _theirs(source, by_pair, [a for a in others if a not in source.stated["baselines"]]),
                "external": _external(source, row.dataset),
            }
        )
    return groups


def _published(source: Source, by_pair: Mapping[Any, Any], algorithm: str, standing: str) -> list[Any]:
    """One cell per published protocol: a record, or a sentence on why there is none."""
    absent = NOT_AT_HAND if standing == "paper" else "none published"
    return [by_pair.get((algorithm, protocol), absent) for protocol in protocol_names(source)]


def _theirs(source: Source, by_pair: Mapping[Any, Any], algorithms: Sequence[str]) -> list[Row]:
    return [{"algorithm": a, "published": _published(source, by_pair, a, "paper")} for a in algorithms]


def _external(source: Source, dataset: str) -> list[Row]:
    """Imported scores on a dataset, each with its source."""
    if source.external is None:
        return []
    rows = source.external[source.external["dataset"] == dataset].fillna({"readout": "", "seeds": 0})
    return [
        {**row._asdict(), "measured": Measured(row.value, row.low, row.high, int(row.seeds), 0)}
        for row in records(rows)
    ]


def _inferred(source: Source, dataset: str) -> str | None:
    found = (claim["inferred"] for claim in source.claims if claim["inferred"])
    return next((entry["text"] for entry in found if entry["dataset"] == dataset), None)


def overall(source: Source) -> list[Row]:
    """Rows of summary.csv named `all`, of the headline protocol, widened by metric."""
    metrics = {m: lookup(source.summary, source.headline, m) for m in ("mean", "iqm", "probability_of_improvement")}
    keys = [key for key in metrics["mean"] if key[0] == "all"]
    return [
        {"algorithm": key[1], "readout": key[2], **{metric: found.get(key) for metric, found in metrics.items()}}
        for key in keys
    ]


def protocol_rows(source: Source, protocols: Sequence[str]) -> Iterator[Row]:
    """A row per (dataset, algorithm, readout): its mean under each protocol, or the state of its cells."""
    found = {protocol: lookup(source.summary, protocol, "mean") for protocol in protocols}
    for dataset in source.study.datasets:
        planned = [pair for protocol in protocols for pair in entries(source.scores, protocol, dataset)]
        for algorithm, readout in dict.fromkeys(planned):
            cells = [found[protocol].get((dataset, algorithm, readout)) for protocol in protocols]
            if any(cells):
                yield {"dataset": dataset, "algorithm": algorithm, "readout": readout, "cells": cells}
