"""Figures of the report: each is a function of a data frame that holds one dataset's rows. None computes a metric."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from qdot.frames import groups, records
from qdot.reporting.canvas import course, few_bands, hold_to_means, name_ends, name_rows, new_axes, over_steps, styled
from qdot.reporting.palette import look, role
from qdot.reporting.svg import ON_DEMAND


@styled
def learning_curves(trajectories: pd.DataFrame, algorithms: Sequence[str], seeds: pd.DataFrame | None = None) -> Figure:
    """Score (or raw return) during training, a line per algorithm; bands are t intervals.

    Args:
        trajectories: Rows of trajectories.csv of one dataset and one quantity, `score` or `return`.
        algorithms: The study's algorithms, for their looks.
        seeds: Rows of evaluations.csv of the same, and their `value`: thin lines that the page shows on demand.
    """
    figure, axes = new_axes()
    for (algorithm, seed), rows in () if seeds is None else groups(seeds, "algorithm", "seed"):
        colour = look(algorithm, tuple(algorithms)).colour
        line = axes.plot(rows["step"], rows["value"], color=colour, linewidth=0.6, alpha=0.55)[0]
        line.set_gid(f"{ON_DEMAND}-{algorithm}-{seed}")
    ends = [
        course(axes, rows, "step", look(name, tuple(algorithms)), name, 1.9 if name == "qdot" else 1.3)
        for (name,), rows in groups(few_bands(trajectories), "algorithm")
    ]
    over_steps(axes, str(trajectories["quantity"].iloc[0]))
    hold_to_means(axes, trajectories)
    name_ends(axes, ends)
    return figure


@styled
def logged(trajectories: pd.DataFrame, label: str, algorithms: Sequence[str], from_zero: bool = False) -> Figure:
    """A logged quantity over training, a line per algorithm; bands are t intervals.

    Args:
        trajectories: Rows of trajectories.csv of one dataset and one quantity.
        label: What the quantity is.
        algorithms: The study's algorithms, for their looks.
        from_zero: Whether the axis starts at 0; otherwise it is held near the means.
    """
    figure, axes = new_axes()
    ends = [
        course(axes, rows, "step", look(name, tuple(algorithms)), name)
        for (name,), rows in groups(few_bands(trajectories), "algorithm")
    ]
    over_steps(axes, label)
    hold_to_means(axes, trajectories)
    if from_zero:
        axes.set_ylim(bottom=0)
    name_ends(axes, ends)
    return figure


@styled
def displacement(trajectories: pd.DataFrame, algorithm: str = "qdot") -> Figure:
    """Quantiles .1, .5, .9 of ||T(s, a) - a|| over training (quantities `displacement_q*` of one dataset)."""
    figure, axes = new_axes()
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
    over_steps(axes, "‖T(s, a) − a‖")
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
    figure, axes = new_axes(0.62 + 0.235 * len(means))
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
    name_rows(axes, [label.replace("_", " ") for label in labels])
    axes.tick_params(axis="y", labelcolor=role("ink"))
    axes.set_xlabel("score")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    return figure
