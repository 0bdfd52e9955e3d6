"""Figures of the transport studies and of score differences. None computes a metric."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.markers import CARETLEFTBASE, CARETRIGHTBASE
from matplotlib.ticker import MaxNLocator

from qdot.frames import groups, records
from qdot.reporting.canvas import name_rows, new_axes, styled
from qdot.reporting.palette import Look, look, role

LOOKS = {
    "icnn": "qdot",
    "affine": "no_icnn",
    "shift": "no_icnn_a",
    "potential": "no_icnn_c",
    "awr_best": "iql",
    "behaviour_mean": "bc",
    "shift_only": "bc10",
    "fixed_quadratic": "td3_bc",
    "prox_exact": "adversarial",
    "prox_10_steps": "prox",
}
FLOOR = -0.5  # a share below this is drawn at the frame's edge
Names = Mapping[str, str]


def map_look(name: str, maps: Sequence[str]) -> Look:
    """The look of a map of the studies: that of the algorithm that uses it."""
    return look(LOOKS.get(name, name), tuple(maps))


@styled
def errors(rows: pd.DataFrame, names: Names, every: Sequence[str]) -> Figure:
    """L2-UVP by map on a log axis, a dot per seed; a tick marks the bound that a map must keep.

    Args:
        rows: Rows of one study and problem, metric `l2_uvp`.
        names: What the page calls each map.
        every: All maps of the studies, for their looks.
    """
    maps = list(dict.fromkeys(rows["map"]))
    figure, axes = new_axes(0.62 + 0.21 * len(maps))
    for row in records(rows[rows["value"] > 0]):
        colour = map_look(row.map, every).colour
        axes.plot(row.value, maps.index(row.map), "o", color=colour, markersize=5.5, markeredgewidth=0)
        bound = _bound(row.threshold)
        if bound is not None:
            sign, limit = bound
            arrow = CARETLEFTBASE if sign == "<" else CARETRIGHTBASE  # to the side where the value must lie
            axes.plot(limit, maps.index(row.map), "|", color=role("ink"), markersize=11, markeredgewidth=1.2)
            axes.plot(limit, maps.index(row.map), marker=arrow, color=role("ink"), markersize=5, markeredgewidth=0)
    axes.set_xscale("log")
    name_rows(axes, [names.get(name, name.replace("_", " ")) for name in maps])
    axes.tick_params(axis="y", labelcolor=role("ink"))
    axes.set_xlabel("L2-UVP, %")
    return figure


def _bound(threshold: object) -> tuple[str, float] | None:
    """`< 0.05` as sign and number."""
    if not isinstance(threshold, str):
        return None
    sign, number = threshold.split()
    return sign, float(number)


@styled
def over_samples(rows: pd.DataFrame, label: str, maps: Sequence[str]) -> Figure:
    """A metric against the number of samples, a line per method and seed.

    Args:
        rows: Rows of one study, problem and metric.
        label: What the metric is.
        maps: All methods of the study, for their looks.
    """
    figure, axes = new_axes()
    for (name, _), own in groups(rows.sort_values("samples"), "map", "seed"):
        style = map_look(name, maps)
        dashes = style.dashes or (None, None)
        width = 1.9 if name == "icnn" else 1.2
        axes.plot(own["samples"], own["value"], "o", color=style.colour, markersize=3, markeredgewidth=0)
        axes.plot(own["samples"], own["value"], color=style.colour, dashes=dashes, linewidth=width)
    axes.set_xscale("log")
    axes.set_xlabel("samples N")
    axes.set_ylabel(label)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    if "share" in label and rows["value"].min() < FLOOR:
        axes.set_ylim(FLOOR, max(1.1, float(rows.loc[rows["value"] < math.inf, "value"].max()) + 0.05))
    return figure


@styled
def strength(rows: pd.DataFrame, across: str, up: str, maps: Sequence[str]) -> Figure:
    """One metric against another, a line per method through its problems (strengths), in the table's order.

    Args:
        rows: Rows of one study.
        across: Metric to the right.
        up: Metric upwards.
        maps: All methods of the study, for their looks.
    """
    figure, axes = new_axes()
    wide = rows.pivot_table(index=["map", "seed", "problem"], columns="metric", values="value", sort=False)
    for (name, _), own in groups(wide.reset_index(), "map", "seed"):
        style = map_look(name, maps)
        axes.plot(own[across], own[up], color=style.colour, dashes=style.dashes or (None, None), linewidth=1.3)
        axes.plot(own[across], own[up], "o", color=style.colour, markersize=3.2, markeredgewidth=0)
    axes.set_xlabel(across.replace("_", " "))
    axes.set_ylabel(up.replace("_", " "))
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    return figure


@styled
def detection(rows: pd.DataFrame, maps: Sequence[str], every: Sequence[str]) -> Figure:
    """AUROC with its interval by problem and detector; chance is .5.

    Args:
        rows: Rows of one study and dimension, metrics `auroc`, `auroc_low`, `auroc_high`.
        maps: The detectors of the study.
        every: All maps of the studies, for their looks.
    """
    problems = list(dict.fromkeys(rows["problem"]))
    figure, axes = new_axes(0.62 + 0.26 * len(problems))
    wide = rows.pivot_table(index=["problem", "map", "seed"], columns="metric", values="value", sort=False)
    for row in records(wide.reset_index()):
        index = maps.index(row.map)
        place = problems.index(row.problem) + 0.26 * (index - (len(maps) - 1) / 2)
        colour = map_look(row.map, every).colour
        axes.plot([row.auroc_low, row.auroc_high], [place] * 2, color=colour, linewidth=1.4, solid_capstyle="butt")
        axes.plot(row.auroc, place, "os"[index % 2], color=colour, markersize=4.2, markeredgewidth=0)
    axes.axvline(0.5, color=role("muted"), linewidth=0.8)
    name_rows(axes, [name.replace("_", " ") for name in problems])
    axes.tick_params(axis="y", labelcolor=role("ink"))
    axes.set_xlim(0, 1.02)
    axes.set_xlabel("AUROC")
    return figure


@styled
def differences(rows: pd.DataFrame, names: Sequence[str], algorithms: Sequence[str]) -> Figure:
    """Differences with intervals around 0; the pale bar is what these seeds cannot tell from 0.

    Args:
        rows: Rows of differences.csv of one dataset.
        names: What each is called.
        algorithms: The study's algorithms, for their looks.
    """
    figure, axes = new_axes(0.62 + 0.225 * len(rows))
    for place, row in enumerate(records(rows)):
        colour = look(row.other, tuple(algorithms)).colour
        axes.plot(
            [-row.detectable, row.detectable],
            [place] * 2,
            color=role("rule"),
            linewidth=8,
            solid_capstyle="butt",
            zorder=1,
        )
        axes.plot([row.low, row.high], [place] * 2, color=colour, linewidth=1.7, solid_capstyle="butt")
        axes.plot(row.difference, place, "o", color=colour, markersize=5, markeredgewidth=0)
    axes.axvline(0, color=role("muted"), linewidth=0.8)
    name_rows(axes, [name.replace(", ", ",\n") for name in names])
    axes.tick_params(axis="y", labelcolor=role("ink"))
    axes.set_xlabel("difference in points")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    return figure
