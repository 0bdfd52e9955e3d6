"""Figures of single maps draw the rows that they are given."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.quiver import Quiver

from qdot.reporting import map_figures


@pytest.fixture
def moves() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "algorithm": ["qdot", "qdot", "no_icnn"],
            "displacement": [0.2, 0.1, 0.4],
            "x": [1.0, 2.0, 3.0],
            "y": [0.0, 1.0, 0.0],
            "action_x": [0.1, 0.2, 0.3],
            "action_y": [0.0, 0.0, 0.0],
            "moved_x": [0.3, 0.2, -0.3],
            "moved_y": [0.0, 0.5, 0.1],
        }
    )


def test_an_arrow_is_where_the_action_is_moved_to_minus_the_action(moves: pd.DataFrame) -> None:
    axes = map_figures.arrows(moves, ["qdot"]).axes[0]
    (quiver,) = (each for each in axes.collections if isinstance(each, Quiver))
    assert quiver.U.tolist() == pytest.approx([0.2, 0.0, -0.6])
    assert quiver.V.tolist() == pytest.approx([0.0, 0.5, 0.1])
    assert quiver.XY.tolist() == [[1.0, 0.0], [2.0, 1.0], [3.0, 0.0]]


def test_a_line_of_the_spread_is_the_share_of_actions_moved_so_far(moves: pd.DataFrame) -> None:
    qdot, other = map_figures.spread(moves, ["qdot", "no_icnn"]).axes[0].lines
    assert np.asarray(qdot.get_xydata()).tolist() == [[0.1, 0.5], [0.2, 1.0]]
    assert np.asarray(other.get_xydata()).tolist() == [[0.4, 1.0]]
