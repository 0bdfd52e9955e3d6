"""Figures of paths on a maze. None computes a metric."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from qdot.frames import groups, records
from qdot.reporting.canvas import new_axes, over_places, styled
from qdot.reporting.map_figures import SQUARE
from qdot.reporting.palette import DASHES, look, role


@styled
def paths(points: pd.DataFrame, walls: pd.DataFrame, algorithm: str, algorithms: Sequence[str]) -> Figure:
    """A line per episode between the walls, from a dot to a cross.

    Args:
        points: Columns episode, step, x, y of one dataset and algorithm.
        walls: Columns x, y, half_x, half_y.
        algorithm: Whose paths they are.
        algorithms: The study's algorithms, for their looks.
    """
    figure, axes = new_axes(SQUARE)
    colour = look(algorithm, tuple(algorithms)).colour
    boxes = [
        Rectangle((wall.x - wall.half_x, wall.y - wall.half_y), 2 * wall.half_x, 2 * wall.half_y)
        for wall in records(walls)
    ]
    axes.add_collection(PatchCollection(boxes, facecolor=role("rule"), edgecolor="none"))
    for place, (_, rows) in enumerate(groups(points, "episode")):
        dashes = DASHES[place % len(DASHES)]
        axes.plot(rows["x"], rows["y"], color=colour, linewidth=1.2, dashes=dashes or (None, None))
        axes.plot(rows["x"].iloc[0], rows["y"].iloc[0], "o", color=colour, markersize=4.5, markeredgewidth=0)
        axes.plot(rows["x"].iloc[-1], rows["y"].iloc[-1], "X", color=role("ink"), markersize=5.5, markeredgewidth=0)
    axes.autoscale_view()
    axes.grid(visible=False)
    over_places(axes)
    return figure
