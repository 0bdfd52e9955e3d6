"""What the report's figures share: their style, their size, and how a course over training steps is drawn."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator
from scipy.optimize import isotonic_regression

from qdot.reporting.palette import Look
from qdot.reporting.svg import style

WIDTH, HEIGHT = 3.7, 2.35  # inches: 266 points, drawn at about 1.4 pixels a point
BANDS = 6
NAMED_LINES = 12  # that are named at their ends; more do not fit beside a panel
NAME_ROOM = 0.075  # of a panel's height: what a name takes
Draw = Callable[..., Figure]
Dashes = tuple[float, ...]


class End(NamedTuple):
    """Where a line ends, and what it is called."""

    x: float
    y: float
    name: str
    colour: str


def styled(draw: Draw) -> Draw:
    """Draw under the report's style."""

    @wraps(draw)
    def wrapper(*arguments: object, **options: object) -> Figure:
        with mpl.rc_context(style()):
            return draw(*arguments, **options)

    return wrapper


def new_axes(height: float = HEIGHT) -> tuple[Figure, Axes]:
    """An empty figure of the report's width."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.add_subplot()


def over_steps(axes: Axes, label: str) -> None:
    """Training steps to the right, a quantity upwards."""
    axes.set_xlabel("training step")
    axes.set_ylabel(label)
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.set_xlim(left=0)


def over_places(axes: Axes) -> None:
    """Places in the plane, as long up as across."""
    axes.set_aspect("equal")
    axes.set_xlabel("x")
    axes.set_ylabel("y")
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_locator(MaxNLocator(4))


def course(axes: Axes, rows: pd.DataFrame, over: str, style: Look, name: str, width: float = 1.4) -> End:
    """Value and interval over a column, as a line and a band; where the line ends."""
    rows = rows.sort_values(over)
    axes.fill_between(rows[over], rows["low"], rows["high"], color=style.colour, alpha=0.14, linewidth=0)
    axes.plot(rows[over], rows["value"], color=style.colour, linewidth=width, dashes=style.dashes or (None, None))
    return End(rows[over].iloc[-1], rows["value"].iloc[-1], name, style.colour)


def name_ends(axes: Axes, ends: Sequence[End]) -> None:
    """Write each line's name right of its end, apart from each other; after the axes' limits are set.

    Nothing is written of more lines than `NAMED_LINES`: the section's key names those.
    """
    low, high = axes.get_ylim()
    known = sorted((end for end in ends if end.y == end.y), key=lambda end: end.y)
    if not 0 < len(known) <= NAMED_LINES:
        return
    for end, place in zip(known, spread_out([(end.y - low) / (high - low) for end in known], NAME_ROOM), strict=True):
        axes.annotate(
            end.name.replace("_", " "),
            (end.x, min(max(end.y, low), high)),
            xytext=(1.06, place),
            textcoords="axes fraction",
            verticalalignment="center",
            fontsize=7,
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": end.colour, "linewidth": 0.8, "shrinkA": 1, "shrinkB": 0},
        )


def spread_out(wanted: Sequence[float], room: float) -> list[float]:
    """The places nearest to the wanted ones (ascending, in 0 to 1) with `room` between them, in 0 to 1 where all fit.

    Least squares under an order is an isotonic regression, once each place's share of the room is taken off.
    """
    taken = room * np.arange(len(wanted))
    places = isotonic_regression(np.asarray(wanted) - taken).x
    return list(np.clip(places, 0, max(0.0, 1 - taken[-1])) + taken)


def few_bands(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows; without intervals but those of qdot where more than `BANDS` algorithms would cover each other."""
    if rows["algorithm"].nunique() <= BANDS:
        return rows
    hidden = rows["algorithm"] != "qdot"
    return rows.assign(low=rows["low"].mask(hidden), high=rows["high"].mask(hidden))


def hold_to_means(axes: Axes, rows: pd.DataFrame) -> None:
    """Keep the range near the means: the interval of two or three seeds can be far wider than any score."""
    low, high = rows["value"].min(), rows["value"].max()
    room = max(0.35 * (high - low), 0.05 * max(abs(low), abs(high)), 1e-6)
    axes.set_ylim(low - room, high + room)


def name_rows(axes: Axes, names: list[str]) -> None:
    """One name a row, the first on top."""
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.set_ylim(len(names) - 0.4, -0.6)
