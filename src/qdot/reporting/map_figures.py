"""Figures of single maps: where one moves the actions of the data. None computes a metric."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from qdot.frames import groups
from qdot.reporting.canvas import new_axes, over_places, styled
from qdot.reporting.palette import look, role

SQUARE = 3.3  # inches of height of a picture of places


@styled
def arrows(moves: pd.DataFrame, algorithms: Sequence[str]) -> Figure:
    """T(s, a) - a as an arrow at the place of s; a dot at each place.

    Args:
        moves: Rows of moves.csv of one dataset and algorithm, with places.
        algorithms: The study's algorithms, for their looks.
    """
    figure, axes = new_axes(SQUARE)
    colour = look(str(moves["algorithm"].iloc[0]), tuple(algorithms)).colour
    axes.plot(moves["x"], moves["y"], ".", color=role("muted"), markersize=2.2, markeredgewidth=0)
    across, up = moves["moved_x"] - moves["action_x"], moves["moved_y"] - moves["action_y"]
    axes.quiver(moves["x"], moves["y"], across, up, color=colour, angles="xy", width=0.004, headwidth=4)
    over_places(axes)
    return figure


@styled
def spread(moves: pd.DataFrame, algorithms: Sequence[str]) -> Figure:
    """Share of the data's actions that are moved at most so far, a line per algorithm.

    Args:
        moves: Rows of moves.csv of one dataset.
        algorithms: The study's algorithms, for their looks.
    """
    figure, axes = new_axes()
    for (algorithm,), rows in groups(moves, "algorithm"):
        style = look(algorithm, tuple(algorithms))
        values = np.sort(rows["displacement"].to_numpy())
        share = np.arange(1, len(values) + 1) / len(values)
        axes.plot(values, share, color=style.colour, dashes=style.dashes or (None, None), drawstyle="steps-post")
    axes.set_xlim(left=0)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("‖T(s, a) − a‖")
    axes.set_ylabel("share of actions")
    axes.xaxis.set_major_locator(MaxNLocator(4))
    return figure


@styled
def episodes(moved: pd.DataFrame, algorithms: Sequence[str]) -> Figure:
    """Return of an episode of the data against how far the map moves its actions, a dot per episode.

    Args:
        moved: Rows of moved_episodes.csv of one dataset and algorithm.
        algorithms: The study's algorithms, for their looks.
    """
    figure, axes = new_axes()
    colour = look(str(moved["algorithm"].iloc[0]), tuple(algorithms)).colour
    axes.plot(moved["displacement"], moved["return"], "o", color=colour, alpha=0.5, markersize=3, markeredgewidth=0)
    axes.set_xlabel("mean ‖T(s, a) − a‖ of the episode")
    axes.set_ylabel("return")
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    return figure
