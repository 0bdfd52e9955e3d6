"""Tables of what was found beside scores: differences, transport studies, diagnostics, failure signs."""

from typing import Any

import pandas as pd

from qdot.frames import groups
from qdot.reporting.source import Source
from qdot.reporting.sourced import records
from qdot.reporting.tables import Measured, Row, in_study_order, known, lookup

BUYS = {  # what a difference to an algorithm isolates
    "ddpg_bc": "the same loss on the same critic, without a map: a policy network of the state",
    "prox": "the same objective by gradient steps at acting time, without a map",
    "no_icnn": "rung (b) of the ladder, the headline: c a + b + network instead of a convex gradient",
    "no_icnn_a": "rung (a): a + network",
    "no_icnn_c": "rung (c): gradient of a free potential; the difference is convexity alone",
    "adversarial": "the distance by a discriminator, and another class of policies",
    "adversarial_map": "the distance by a discriminator, a free map on the data's actions",
    "iql": "the same critic, advantage-weighted regression",
    "bc": "imitation alone",
    "td3_bc": "a critic of its own, and a squared penalty to the data's action",
    "bc10": "imitation of the best tenth of the episodes",
}
MAPS = {  # the ladder, as the transport studies name it
    "shift": "a + network (a)",
    "affine": "c a + b + network (b)",
    "potential": "free potential (c)",
    "icnn": "convex (d), Q-DOT's",
    "prox_exact": "proximal map, exact",
    "awr_best": "AWR, best temperature",
    "ddpg_bc": "DDPG+BC",
}
QUANTITIES = {
    "w2_squared": "W2² to behaviour",
    "standard_distance": "distance in sd",
    "surprise": "−log likelihood",
    "divergence": "KL to behaviour",
    "transport_cost": "mean ‖T − a‖²",
    "value_overestimation": "value above return",
    "value_overestimation_share": "the same, share of the data's largest return",
}
ORDER = list(QUANTITIES)
METRICS = {
    "l2_uvp": "L2-UVP, %",
    "w2_squared": "W2²",
    "excess_percent": "excess over the floor, %",
    "objective_share": "share of gain, acting",
    "pushforward_share": "share of gain, push-forward",
    "return_share": "share of the return's gain",
}
STUDIES = {  # title, what it asks
    "own_loss": ("Q-DOT's own loss", "A quadratic Q, whose best map is known in closed form: does the loss find it?"),
    "unpaired": ("Maps from unpaired samples", "Source and target samples only: does the semi-dual find the map?"),
    "shapes": ("Shapes in the plane", "The map's image against the target, beside two samples of the target itself."),
    "certificate": (
        "Certificate of optimality",
        "Are the pairs (a, T(a)) an optimal plan? It catches bugs; maps without structure may pass too, so it is no "
        "evidence for convexity.",
    ),
    "metric": (
        "Distance, mass, inverse",
        "Is the distance a distance, is the map the same in both directions, does it keep mass, can it be inverted?",
    ),
    "lqr": (
        "Linear-quadratic control",
        "Q in closed form, a biased behaviour: what does each method make of N samples? Expected: the convex map gains "
        "most at small N.",
    ),
    "limits": (
        "Where convexity should lose",
        "Expected: the convex map loses under a weighted cost; it may lose with many hills, an unsquared cost, or a "
        "tanh.",
    ),
    "novelty": (
        "The data's actions and others",
        "Does the displacement tell actions that the data hold from others, as the distance to the nearest one does? "
        "It measures the slope of Q, so failures are expected.",
    ),
}
MEASURES = {"displacement": "mean ‖T(s, a) − a‖", "imitation_distance": "mean ‖a − β̂'s mean‖, without a map"}
LARGE = 24  # rows of a table that is folded


def difference_groups(source: Source) -> list[Row]:
    """Rows of differences.csv per dataset, `all` last."""
    if source.differences is None:
        return []
    return [
        {
            "dataset": dataset,
            "rows": [
                {"name": difference_name(row), "record": row, "measured": _measured(row)}
                | {"datasets": str(row.datasets).split()}
                for row in records(rows)
            ],
        }
        for (dataset,), rows in groups(source.differences, "dataset")
    ]


def _measured(row: Any) -> Measured:
    return Measured(row.difference, row.low, row.high, row.seeds, 0)


def difference_name(row: Any) -> str:
    """The other side of a difference; both readouts where it is one between readouts."""
    if row.other == row.algorithm:
        return f"{row.readout}, minus {row.other_readout}".replace("_", " ")
    return str(row.other).replace("_", " ")


def isolated(source: Source) -> list[tuple[str, str]]:
    """(algorithm, what a difference to it isolates) of those that the study compares."""
    found = set() if source.differences is None else set(source.differences["other"])
    return [(name, text) for name, text in BUYS.items() if name in found]


def map_name(name: str) -> str:
    """What the page calls a map or method of the transport studies."""
    return MAPS.get(name, name.replace("_", " "))


def metric_name(name: str) -> str:
    """What the page calls a metric of the transport studies."""
    return METRICS.get(name, name.replace("_", " "))


def study_title(name: str) -> str:
    """What the page calls a transport study."""
    return STUDIES.get(name, (name.replace("_", " "), ""))[0]


def study_tables(source: Source) -> list[Row]:
    """Per transport study: a row per (problem, map), a column per metric, and how many bounds were kept."""
    return [_study(name, rows, source.bounds[name]) for name, rows in source.studies.items() if len(rows)]


def _study(name: str, rows: pd.DataFrame, bounds: Any) -> Row:
    rows = rows.assign(control=rows["control"] == "True")
    metrics = list(dict.fromkeys(rows["metric"]))
    table = []
    for _, group in groups(rows, "problem", "dim", "samples", "map", "seed"):
        found = list(records(group))
        by_metric = {row.metric: _cell(row) for row in found}
        control = any(row.control for row in found)
        table.append(found[0]._asdict() | {"control": control, "cells": [by_metric.get(name) for name in metrics]})
    return {
        "name": name,
        "title": study_title(name),
        "asks": STUDIES.get(name, ("", ""))[1],
        "metrics": metrics,
        "rows": table,
        "seeds": rows["seed"].nunique(),
        "referees": list(dict.fromkeys(rows["referee"].dropna())),
        "counts": bounds,
        "large": len(table) > LARGE,
    }


def _cell(row: Any) -> Row:
    """A number with its bound in words; a negative control keeps its bound by missing."""
    if not known(row.threshold):
        return {"value": row.value, "bound": "", "mark": "", "bad": False}
    passed = row.passed == "True"
    if row.control:
        mark = "misses, as it must" if passed else "does not miss, and must"
    else:
        mark = "kept" if passed else "missed"
    return {"value": row.value, "bound": row.threshold, "mark": mark, "bad": not passed}


def diagnostic_rows(source: Source) -> Row:
    """A row per (dataset, algorithm, readout) of diagnostics_summary.csv, a column per quantity, KL's in any case.

    A readout that was evaluated and of which nothing can be measured has a row too: of None alone.
    """
    if source.diagnostics is None or source.diagnostics.empty:
        return {"quantities": [], "rows": []}
    present = set(source.diagnostics["quantity"]) | {"divergence"}
    quantities = sorted(present, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))
    rows: list[Row] = []
    for (dataset, algorithm, readout), group in groups(
        source.diagnostics.fillna({"readout": "policy"}), "dataset", "algorithm", "readout"
    ):
        found = {row.quantity: Measured(row.value, row.low, row.high, row.seeds, 0) for row in records(group)}
        cells = [found.get(quantity) for quantity in quantities]
        rows.append({"dataset": dataset, "algorithm": algorithm, "readout": readout, "cells": cells})
    measured = {(row["dataset"], row["algorithm"], row["readout"]) for row in rows}
    for dataset, algorithm, readout in lookup(source.summary, source.headline, "mean"):
        if dataset in source.study.datasets and (dataset, algorithm, readout) not in measured:
            none = {"cells": [None] * len(quantities)}
            rows.append({"dataset": dataset, "algorithm": algorithm, "readout": readout, **none})
    return {
        "quantities": [QUANTITIES.get(name, name.replace("_", " ")) for name in quantities],
        "rows": in_study_order(source, rows),
    }


def episode_rows(source: Source) -> list[Row] | None:
    """Rows of supplement.csv: rank correlation of an episode's return with how far the map moves its actions."""
    if source.supplement is None:
        return None
    rows: list[Row] = [
        {"dataset": row.dataset, "algorithm": row.algorithm, "measure": MEASURES.get(row.measure, row.measure)}
        | {"measured": Measured(row.value, row.low, row.high, row.seeds, row.episodes) if known(row.value) else None}
        | {"p": row.p, "episodes": row.episodes, "seeds": row.seeds, "status": row.status}
        for row in records(source.supplement)
    ]
    return in_study_order(source, [row for row in rows if row["algorithm"] in source.methods])


def sign_rows(source: Source) -> list[Row]:
    """Failure signs by (dataset, algorithm, sign, quantity), with the seeds that showed them and what was found."""
    if source.signs is None:
        return []
    rows = []
    for _, group in groups(source.signs, "dataset", "algorithm", "sign", "quantity", "threshold"):
        found = list(records(group))
        rows.append(found[0]._asdict() | {"seeds": [row.seed for row in found], "values": [row.value for row in found]})
    return rows


def strength_rows(source: Source) -> list[Row]:
    """strengths.csv, a row per dataset, method and kind of strength; nothing where one strength was run."""
    if source.strengths is None:
        return []
    return [
        {"record": row, "measured": Measured(row.value, row.low, row.high, row.seeds, 0)}
        for row in records(source.strengths)
    ]
