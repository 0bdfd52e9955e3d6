"""Figures of the report: each is a function of a data frame that holds one dataset's rows. None computes a metric."""

from collections.abc import Callable, Sequence
from functools import wraps

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator

from qdot.frames import groups, records
from qdot.reporting.palette import look, role
from qdot.reporting.svg import STYLE

WIDTH, HEIGHT = 3.7, 2.35  # inches: 266 points, drawn at about 1.4 pixels a point
Draw = Callable[..., Figure]


def styled(draw: Draw) -> Draw:
    """Draw under the report's style."""

    @wraps(draw)
    def wrapper(*arguments: object, **options: object) -> Figure:
        with mpl.rc_context(STYLE):
            return draw(*arguments, **options)

    return wrapper


def _axes(height: float = HEIGHT) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.add_subplot()


def _over_steps(axes: Axes, label: str) -> None:
    axes.set_xlabel("training step")
    axes.set_ylabel(label)
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.set_xlim(left=0)


def _line(axes: Axes, rows: pd.DataFrame, colour: str, dashes: tuple[float, ...], width: float = 1.4) -> None:
    """Mean and interval over steps."""
    rows = rows.sort_values("step")
    axes.fill_between(rows["step"], rows["low"], rows["high"], color=colour, alpha=0.14, linewidth=0)
    axes.plot(rows["step"], rows["value"], color=colour, linewidth=width, dashes=dashes or (None, None))


@styled
def learning_curves(trajectories: pd.DataFrame, algorithms: Sequence[str]) -> Figure:
    """Score (or raw return) during training, a line per algorithm; bands are t intervals over seeds.

    Args:
        trajectories: Rows of trajectories.csv of one dataset and one quantity, `score` or `return`.
        algorithms: The study's algorithms, for their looks.
    """
    figure, axes = _axes()
    for (algorithm,), rows in groups(trajectories, "algorithm"):
        style = look(algorithm, tuple(algorithms))
        _line(axes, rows, style.colour, style.dashes, 1.9 if algorithm == "qdot" else 1.3)
    _over_steps(axes, str(trajectories["quantity"].iloc[0]))
    _hold_to_means(axes, trajectories)
    return figure


def _hold_to_means(axes: Axes, rows: pd.DataFrame) -> None:
    """Keep the range near the means: the interval of two or three seeds can be far wider than any score."""
    low, high = rows["value"].min(), rows["value"].max()
    room = max(0.35 * (high - low), 0.05 * max(abs(low), abs(high)), 1e-6)
    axes.set_ylim(low - room, high + room)


@styled
def transport_cost(trajectories: pd.DataFrame) -> Figure:
    """Mean squared displacement E||T(s, a) - a||^2 over training (quantity `transport_cost` of one dataset)."""
    figure, axes = _axes()
    for (algorithm,), rows in groups(trajectories, "algorithm"):
        style = look(algorithm)
        _line(axes, rows, style.colour, style.dashes)
    _over_steps(axes, "E‖T(s, a) − a‖²")
    axes.set_ylim(bottom=0)
    return figure


@styled
def displacement(trajectories: pd.DataFrame, algorithm: str = "qdot") -> Figure:
    """Quantiles .1, .5, .9 of ||T(s, a) - a|| over training (quantities `displacement_q*` of one dataset)."""
    figure, axes = _axes()
    colour = look(algorithm).colour
    wide = trajectories.pivot_table(index="step", columns="quantity", values="value")
    lower, upper = wide.get("displacement_q10"), wide.get("displacement_q90")
    if lower is not None and upper is not None:
        axes.fill_between(wide.index, lower, upper, color=colour, alpha=0.14, linewidth=0)
    for quantity, dashes in (("displacement_q10", (1, 1.6)), ("displacement_q50", ()), ("displacement_q90", (5, 2))):
        if quantity in wide:
            axes.plot(wide.index, wide[quantity], color=colour, linewidth=1.4, dashes=dashes or (None, None))
            text = f".{quantity[-2:].rstrip('0')}"
            axes.annotate(text, (wide.index[-1], wide[quantity].iloc[-1]), xytext=(3, -2), textcoords="offset points")
    _over_steps(axes, "‖T(s, a) − a‖")
    axes.set_ylim(bottom=0)
    return figure


@styled
def score_intervals(
    means: pd.DataFrame, seeds: pd.DataFrame, published: pd.DataFrame, algorithms: Sequence[str]
) -> Figure:
    """Mean and interval by (algorithm, readout), each seed as a light dot, published scores as hollow diamonds.

    Args:
        means: Rows of summary.csv of one dataset: protocol `final`, metric `mean`.
        seeds: Rows of scores.csv of the same.
        published: Published scores on the same dataset of the same algorithms.
        algorithms: The study's algorithms, for their looks.
    """
    figure, axes = _axes(0.62 + 0.235 * len(means))
    labels = []
    for place, row in enumerate(records(means)):
        style = look(row.algorithm, tuple(algorithms))
        own = seeds[(seeds["algorithm"] == row.algorithm) & (seeds["readout"] == row.readout)]["score"].dropna()
        axes.plot(own, [place] * len(own), "o", color=style.colour, alpha=0.3, markersize=3.5, markeredgewidth=0)
        axes.plot([row.low, row.high], [place, place], color=style.colour, linewidth=1.6, solid_capstyle="butt")
        axes.plot(row.value, place, "o", color=style.colour, markersize=5, markeredgewidth=0)
        theirs = published[published["algorithm"] == row.algorithm]["score"] if row.algorithm != "qdot" else own[:0]
        axes.plot(
            theirs, [place] * len(theirs), "D", markersize=4.2, markerfacecolor="none", markeredgecolor=role("ink")
        )
        labels.append(row.algorithm if row.readout == "policy" else f"{row.algorithm} {row.readout}")
    axes.set_yticks(range(len(labels)), [label.replace("_", " ") for label in labels])
    axes.tick_params(axis="y", length=0, labelcolor=role("ink"))
    axes.grid(visible=False, axis="y")
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.set_xlabel("score")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    return figure
