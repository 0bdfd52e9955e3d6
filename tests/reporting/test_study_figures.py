"""Figures of differences, transport studies and sweeps: what is drawn is where the table says."""

import re

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from qdot.reporting import study_figures, sweep_figures
from qdot.reporting.canvas import BANDS, few_bands
from qdot.reporting.palette import look, role
from qdot.reporting.svg import inline


def lines(figure: Figure, colour: str) -> list[list[float]]:
    """Horizontal coordinates of every line and marker of a colour."""
    found = [line for line in figure.axes[0].lines if line.get_color() == colour]
    return [[float(x) for x in np.atleast_1d(line.get_xdata())] for line in found]


def difference_rows() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "algorithm": "qdot", "readout": "map", "other": ["ddpg_bc", "no_icnn"], "other_readout": "policy",
            "difference": [3.0, -2.0], "low": [-1.0, -6.0], "high": [7.0, 2.0], "detectable": [5.0, 9.0],
        }
    )  # fmt: skip


def test_a_difference_lies_in_its_interval_over_what_is_detectable() -> None:
    figure = study_figures.differences(difference_rows(), ["ddpg bc", "no icnn"], ["qdot", "ddpg_bc", "no_icnn"])
    assert lines(figure, look("ddpg_bc").colour) == [[-1.0, 7.0], [3.0]]
    assert lines(figure, look("no_icnn").colour) == [[-6.0, 2.0], [-2.0]]
    assert lines(figure, role("rule")) == [[-5.0, 5.0], [-9.0, 9.0]]
    assert lines(figure, role("muted")) == [[0.0, 0.0]]


def test_an_error_stands_beside_its_bound() -> None:
    rows = pd.DataFrame(
        {"map": ["icnn", "shift_only", "affine"], "value": [0.02, 30.0, 0.1], "threshold": ["< 0.05", "> 10", np.nan]}
    )
    figure = study_figures.errors(rows, {"icnn": "convex"}, ["icnn", "shift_only", "affine"])
    assert figure.axes[0].get_xscale() == "log"
    assert lines(figure, look("qdot").colour) == [[0.02]]
    assert lines(figure, role("ink")) == [[0.05], [0.05], [10.0], [10.0]]  # a tick and an arrow each
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["convex", "shift only", "affine"]


def test_a_share_far_below_zero_does_not_flatten_the_others() -> None:
    rows = pd.DataFrame(
        {"map": ["icnn", "icnn", "awr_best", "awr_best"], "seed": 0, "samples": [64, 1000] * 2}
        | {"value": [0.9, 1.0, -40.0, 0.5]}
    )
    low, high = study_figures.over_samples(rows, "share of the gain", ["icnn", "awr_best"]).axes[0].get_ylim()
    assert low == study_figures.FLOOR
    assert 1.0 < high < 1.2


def test_auroc_is_drawn_with_its_interval() -> None:
    values = {"auroc": 0.7, "auroc_low": 0.6, "auroc_high": 0.8}
    rows = pd.DataFrame(
        [{"problem": "p", "map": "displacement", "seed": 0, "metric": m, "value": v} for m, v in values.items()]
    )
    figure = study_figures.detection(rows, ["displacement"], ["displacement"])
    colour = study_figures.map_look("displacement", ["displacement"]).colour
    assert lines(figure, colour) == [[0.6, 0.8], [0.7]]


def test_names_are_not_joined_and_the_unvaried_one_is_marked() -> None:
    rows = pd.DataFrame(
        {
            "of": "qdot", "setting": ["gradient_norm", "one"], "line": "", "unvaried": [True, False],
            "value": [50.0, 40.0], "low": [45.0, 38.0], "high": [55.0, 42.0], "metric": "score",
        }
    )  # fmt: skip
    colour = look("qdot").colour
    names = sweep_figures.sensitivity(rows, ["gradient_norm", "one"], False, ["qdot"])
    assert lines(names, colour) == [[0.0, 0.0], [1.0, 1.0], [0.0, 1.0]]  # two intervals, the dots
    numbers = sweep_figures.sensitivity(rows, ["gradient_norm", "one"], True, ["qdot"])
    assert lines(numbers, colour) == [[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.0, 1.0]]  # and the line
    diamonds = [line for line in names.axes[0].lines if line.get_marker() == "D" and len(line.get_xdata())]
    assert [list(line.get_ydata()) for line in diamonds] == [[50.0]]


def test_tuning_is_drawn_over_episodes_on_a_log_axis() -> None:
    rows = pd.DataFrame(
        {"algorithm": ["qdot"] * 3, "episodes": [1, 10, 100], "value": [40.0, 50.0, 55.0], "low": 30.0, "high": 60.0}
    )
    figure = sweep_figures.tuning(rows, ["qdot"])
    assert figure.axes[0].get_xscale() == "log"
    assert lines(figure, look("qdot").colour) == [[1.0, 10.0, 100.0]]
    assert re.search(r"<svg [^>]*role=\"img\"", inline(figure, "t", "Tuning"))


def test_many_bands_leave_qdots_alone() -> None:
    names = ["qdot", *(f"other{index}" for index in range(BANDS))]
    rows = pd.DataFrame({"algorithm": names, "low": 0.0, "high": 1.0})
    assert list(few_bands(rows).dropna()["algorithm"]) == ["qdot"]
    assert len(few_bands(rows[:-1]).dropna()) == BANDS
