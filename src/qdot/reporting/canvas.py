"""What the report's figures share: their style, their size, and how a course over training steps is drawn."""

from collections.abc import Callable
from functools import wraps

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator

from qdot.reporting.svg import style

WIDTH, HEIGHT = 3.7, 2.35  # inches: 266 points, drawn at about 1.4 pixels a point
BANDS = 6
Draw = Callable[..., Figure]
Dashes = tuple[float, ...]


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


def course(axes: Axes, rows: pd.DataFrame, over: str, colour: str, dashes: Dashes, width: float = 1.4) -> None:
    """Value and interval over a column, as a line and a band."""
    rows = rows.sort_values(over)
    axes.fill_between(rows[over], rows["low"], rows["high"], color=colour, alpha=0.14, linewidth=0)
    axes.plot(rows[over], rows["value"], color=colour, linewidth=width, dashes=dashes or (None, None))


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
