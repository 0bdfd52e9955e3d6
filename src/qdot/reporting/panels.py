"""Figures of a section: one small panel per dataset, with its caption, the rows it is drawn from, and its finding."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple
from urllib.parse import quote

import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from qdot.frames import evenly, groups
from qdot.reporting import figures, wording
from qdot.reporting.palette import Look, look
from qdot.reporting.source import Source
from qdot.reporting.svg import inline
from qdot.study import slug


@dataclass(frozen=True)
class Panel:
    """A figure.

    Attributes:
        caption: Its heading.
        name: Unique on the page; what `qdot figure` calls it.
        finding: What it shows, for readers who cannot see it.
        rows: What it is drawn from.
        draw: From the rows to the figure.
        marks: What its marks and intervals are, for the caption.
    """

    caption: str
    name: str
    finding: str
    rows: pd.DataFrame
    draw: Callable[[pd.DataFrame], Figure]
    marks: Markup | None = None

    def __post_init__(self) -> None:
        """Names are ids: letters, digits, dots and dashes, whatever a dataset is called."""
        object.__setattr__(self, "name", re.sub(r"[^\w.-]+", "-", self.name))

    @property
    def svg(self) -> Markup:
        """The figure as an element of the page."""
        return self.drawn(self.name)

    def drawn(self, name: str) -> Markup:
        """The figure under another name, where the page shows it twice."""
        return inline(self.draw(self.rows), name, self.finding)

    @property
    def csv(self) -> str:
        """The rows as a data URL of a CSV file."""
        return "data:text/csv;charset=utf-8," + quote(self.rows.to_csv(index=False, lineterminator="\n"), ",")


SEED_POINTS = 20_000  # evaluations of single seeds that a page draws; of a larger study it draws means alone
CURVE_POINTS = 480  # of a curve, that the panels of a section draw together; the tables hold them all


class Panels(NamedTuple):
    """The panels of a section and the key they share."""

    key: list[tuple[str, Look]]
    panels: list[Panel]


def key(algorithms: Sequence[str], shown: Sequence[str]) -> list[tuple[str, Look]]:
    """The key of a section: each algorithm that it shows, with its look."""
    return [(name, look(name, tuple(algorithms))) for name in algorithms if name in set(shown)]


def over_seeds(source: Source) -> Markup:
    """What intervals over seeds are, for a caption."""
    return Markup("Means over seeds with {} t intervals.").format(source.percent)


def learning_panels(source: Source) -> Panels:
    """Learning curves: score where it is defined, raw return elsewhere."""
    panels, shown = [], []
    drawn = source.evaluations if len(source.evaluations) <= SEED_POINTS else source.evaluations[:0]
    for dataset in source.study.datasets:
        rows = _primary(source, dataset)
        quantity = "score" if (rows["quantity"] == "score").any() else "return"
        rows = _thinned(rows[rows["quantity"] == quantity], source)
        if len(rows):
            shown += list(rows["algorithm"])
            finding = f"Learning curves on {dataset}. {wording.last(rows, quantity)}"
            seeds = drawn[(drawn["dataset"] == dataset) & drawn["algorithm"].isin(source.methods)]
            seeds = seeds.assign(value=seeds[quantity])
            draw = partial(figures.learning_curves, algorithms=source.methods, seeds=seeds)
            panels.append(Panel(dataset, f"learning-{slug(dataset)}", finding, rows, draw, over_seeds(source)))
    return Panels(key(source.methods, shown), panels)


def _thinned(rows: pd.DataFrame, source: Source) -> pd.DataFrame:
    """Evenly spaced points of each curve, first and last included: the more datasets, the fewer."""
    most = CURVE_POINTS // len(source.study.datasets)
    curves = groups(rows.sort_values("step", kind="stable"), "algorithm", "quantity")
    kept = [evenly(curve, most) for _, curve in curves]
    return pd.concat(kept).sort_index() if kept else rows


def _primary(source: Source, dataset: str) -> pd.DataFrame:
    """Evaluations during training of each algorithm's primary readout."""
    rows = source.trajectories[(source.trajectories["dataset"] == dataset) & (source.trajectories["readout"] != "")]
    return rows[rows["readout"] == rows["algorithm"].map(_primary_readouts(source, dataset))]


def _primary_readouts(source: Source, dataset: str) -> dict[str, str]:
    """By algorithm, how its policy acts."""
    return {name: source.study.resolved(dataset, name)["primary_readout"] for name in source.methods}


def logged_panels(source: Source, quantity: str, label: str, from_zero: bool = False, executed: bool = False) -> Panels:
    """A logged quantity over training, of every method that logs it.

    Args:
        source: The study.
        quantity: Its name in trajectories.csv.
        label: What it is, on the axis.
        from_zero: Whether the axis starts at 0.
        executed: Whether it is of what a readout executes: that of the primary one, `<readout>_<quantity>`, is drawn.
    """
    panels, shown = [], []
    for dataset in source.study.datasets:
        rows = source.trajectories[source.trajectories["dataset"] == dataset]
        if executed:
            names = {name: f"{readout}_{quantity}" for name, readout in _primary_readouts(source, dataset).items()}
        else:
            names = dict.fromkeys(source.methods, quantity)
        rows = _thinned(rows[rows["quantity"] == rows["algorithm"].map(names)], source)
        if len(rows):
            shown += list(rows["algorithm"])
            finding = f"{label} during training on {dataset}. {wording.last(rows, label)}"
            draw = partial(figures.logged, label=label, algorithms=source.methods, from_zero=from_zero)
            name = f"{quantity}-{slug(dataset)}".replace("_", "-")
            panels.append(Panel(dataset, name, finding, rows, draw, over_seeds(source)))
    return Panels(key(source.methods, shown), panels)


def displacement_panels(source: Source) -> Panels:
    """Displacement quantiles of qdot over training."""
    panels = []
    for dataset in source.study.datasets:
        rows = source.trajectories[source.trajectories["dataset"] == dataset]
        rows = rows[rows["quantity"].str.startswith("displacement_q") & (rows["algorithm"] == "qdot")]
        rows = _thinned(rows, source)
        if len(rows):
            finding = f"Displacement quantiles of qdot on {dataset}. {wording.last_quantiles(rows)}"
            name, marks = f"displacement-{slug(dataset)}", Markup("Quantiles over actions, means over seeds.")
            panels.append(Panel(dataset, name, finding, rows, figures.displacement, marks))
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
            beside = {
                "seeds": seeds[seeds["dataset"] == dataset],
                "published": source.published[source.published["dataset"] == dataset],
            }
            draw = partial(figures.score_intervals, **beside, algorithms=source.methods)
            finding = f"Scores on {dataset}. {wording.ranked(own)}"
            panels.append(Panel(dataset, f"scores-{slug(dataset)}", finding, own, draw, over_seeds(source)))
    return Panels([], panels)
