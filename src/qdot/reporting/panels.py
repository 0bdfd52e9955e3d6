"""Figures of a section: one small panel per dataset, with its caption."""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd
from markupsafe import Markup

from qdot.reporting import figures
from qdot.reporting.palette import Look, look
from qdot.reporting.source import Source
from qdot.reporting.svg import inline
from qdot.study import slug


class Panel(NamedTuple):
    """A drawn figure and its caption."""

    caption: str
    svg: Markup


class Panels(NamedTuple):
    """The panels of a section and the key they share."""

    key: list[tuple[str, Look]]
    panels: list[Panel]


def key(algorithms: Sequence[str], shown: Sequence[str]) -> list[tuple[str, Look]]:
    """The key of a section: each algorithm that it shows, with its look."""
    return [(name, look(name, tuple(algorithms))) for name in algorithms if name in set(shown)]


def learning_panels(source: Source) -> Panels:
    """Learning curves: score where it is defined, raw return elsewhere."""
    panels, shown = [], []
    for dataset in source.study.datasets:
        rows = _primary(source, dataset)
        quantity = "score" if (rows["quantity"] == "score").any() else "return"
        rows = rows[rows["quantity"] == quantity]
        if len(rows):
            shown += list(rows["algorithm"])
            figure = figures.learning_curves(rows, source.methods)
            label = f"Learning curves on {dataset}: {quantity} over training steps"
            panels.append(Panel(dataset, inline(figure, f"learning-{slug(dataset)}", label)))
    return Panels(key(source.methods, shown), panels)


def _primary(source: Source, dataset: str) -> pd.DataFrame:
    """Evaluations during training of each algorithm's primary readout."""
    rows = source.trajectories[(source.trajectories["dataset"] == dataset) & (source.trajectories["readout"] != "")]
    wanted = {a: source.study.resolved(dataset, a)["primary_readout"] for a in source.methods}
    return rows[rows["readout"] == rows["algorithm"].map(wanted)]


def logged_panels(source: Source, quantity: str, label: str, from_zero: bool = False) -> Panels:
    """A logged quantity over training, of every method that logs it.

    Args:
        source: The study.
        quantity: Its name in trajectories.csv.
        label: What it is, on the axis.
        from_zero: Whether the axis starts at 0.
    """
    panels, shown = [], []
    for dataset in source.study.datasets:
        rows = source.trajectories[source.trajectories["dataset"] == dataset]
        rows = rows[(rows["quantity"] == quantity) & rows["algorithm"].isin(source.methods)]
        if len(rows):
            shown += list(rows["algorithm"])
            figure = figures.logged(rows, label, source.methods, from_zero)
            panels.append(Panel(dataset, inline(figure, f"{quantity}-{slug(dataset)}", f"{label} on {dataset}")))
    return Panels(key(source.methods, shown), panels)


def displacement_panels(source: Source) -> Panels:
    """Displacement quantiles of qdot over training."""
    panels = []
    for dataset in source.study.datasets:
        rows = source.trajectories[source.trajectories["dataset"] == dataset]
        rows = rows[rows["quantity"].str.startswith("displacement_q") & (rows["algorithm"] == "qdot")]
        if len(rows):
            label = f"Displacement quantiles of qdot on {dataset}"
            panels.append(Panel(dataset, inline(figures.displacement(rows), f"displacement-{slug(dataset)}", label)))
    return Panels([], panels)


def score_panels(source: Source) -> Panels:
    """Scores with intervals, a panel per dataset that has any."""
    summary, scores = source.summary, source.scores
    means = summary[(summary["protocol"] == source.headline) & (summary["metric"] == "mean")]
    means = means[means["algorithm"].isin(source.methods)]
    seeds = scores[scores["protocol"] == source.headline]
    panels = []
    for dataset in source.study.datasets:
        own = means[means["dataset"] == dataset]
        if len(own):
            published = source.published[source.published["dataset"] == dataset]
            figure = figures.score_intervals(own, seeds[seeds["dataset"] == dataset], published, source.methods)
            panels.append(Panel(dataset, inline(figure, f"scores-{slug(dataset)}", f"Scores on {dataset}")))
    return Panels([], panels)
