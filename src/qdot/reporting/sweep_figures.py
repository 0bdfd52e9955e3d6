"""Figures of sweeps: scores over a varied value, and what tuning costs. None computes a metric."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from qdot.frames import groups, records
from qdot.reporting.canvas import Dashes, course, few_bands, hold_to_means, name_ends, new_axes, styled
from qdot.reporting.palette import look, role

APART = 0.12  # between lines, where settings are 1 apart
DASHES: tuple[Dashes, ...] = ((), (4, 2), (1, 1.6), (6, 2, 1, 2))
LONG = 28  # characters of all settings together that fit beside each other


@styled
def sensitivity(points: pd.DataFrame, settings: Sequence[str], numbers: bool, algorithms: Sequence[str]) -> Figure:
    """Score over one varied value, with intervals: a line per value of what was varied together with it.

    Args:
        points: Rows of `sweeps.points` of one dataset, algorithm and key.
        settings: The values, in the order of the axis; they stand at equal distances.
        numbers: Whether they are numbers: names are not joined by lines.
        algorithms: Everything that may be drawn, for the looks.
    """
    figure, axes = new_axes()
    place = {setting: index for index, setting in enumerate(settings)}
    colour, lines = look(points["of"].iloc[0], tuple(algorithms)).colour, list(dict.fromkeys(points["line"]))
    for index, line in enumerate(lines):
        shift = APART * (index - (len(lines) - 1) / 2)
        rows = points[points["line"] == line]
        rows = rows.assign(place=rows["setting"].map(place) + shift).sort_values("place")
        for row in records(rows):
            axes.plot([row.place] * 2, [row.low, row.high], color=colour, linewidth=1.1, alpha=0.5)
        if numbers:
            axes.plot(rows["place"], rows["value"], color=colour, dashes=DASHES[index % len(DASHES)] or (None, None))
        axes.plot(rows["place"], rows["value"], "o", color=colour, markersize=4, markeredgewidth=0)
        _mark_unvaried(axes, rows[rows["unvaried"]])
        end = (rows["place"].iloc[-1], rows["value"].iloc[-1])
        axes.annotate(line, end, xytext=(5, -2), textcoords="offset points", annotation_clip=False)
    axes.set_xticks(range(len(settings)), settings)
    if len("".join(settings)) > LONG:
        axes.tick_params(axis="x", labelrotation=20)
    axes.set_xlim(-0.5, len(settings) - 0.5)
    axes.set_ylabel(str(points["metric"].iloc[0]))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.grid(visible=False, axis="x")
    hold_to_means(axes, points)
    return figure


def _mark_unvaried(axes: Axes, rows: pd.DataFrame) -> None:
    """A hollow diamond around the value that params.yaml has."""
    axes.plot(
        rows["place"], rows["value"], "D", markersize=8, markerfacecolor="none", markeredgecolor=role("ink"), zorder=5
    )


@styled
def tuning(curves: pd.DataFrame, algorithms: Sequence[str]) -> Figure:
    """Expected score of the policy that a bandit picks after n evaluation episodes; a line per method.

    Args:
        curves: Rows of tuning.csv of one dataset.
        algorithms: Everything that may be drawn, for the looks.
    """
    figure, axes = new_axes()
    ends = [
        course(axes, rows, "episodes", look(name, tuple(algorithms)), name, 1.9 if name == "qdot" else 1.3)
        for (name,), rows in groups(few_bands(curves), "algorithm")
    ]
    axes.set_xscale("log")
    axes.set_xlabel("evaluation episodes spent on tuning")
    axes.set_ylabel("score of the pick")
    axes.yaxis.set_major_locator(MaxNLocator(4))
    hold_to_means(axes, curves)
    name_ends(axes, ends)
    return figure
