"""Maps from samples of both sides: the semi-dual comes near, controls miss, free maps are fitted by max-min."""

from dataclasses import replace

import numpy as np
import pytest

from qdot.transport.fitting import Budget
from qdot.transport.problems import gaussians
from qdot.transport.records import Row
from qdot.transport.unpaired import CASES, CONTROL, CONTROLLED, Case, case_rows

FAST = Case(gaussians, 0.5, Budget(250, learning_rate=2e-2))
bounded = pytest.mark.parametrize(
    "case", [case for case in CASES["full"] if case.bound], ids=lambda case: case.problem().name
)


def test_semidual_comes_near_and_controls_miss() -> None:
    rows = {row.map: row for row in case_rows(FAST, 0, CONTROLLED)}
    assert rows["icnn"].value < 0.5
    assert rows["fixed_quadratic"].value > 0.75
    assert rows["shift_only"].value > 1.5
    assert all(row.passed for row in rows.values())
    assert [name for name, row in rows.items() if row.control] == ["fixed_quadratic", "shift_only"]


def test_a_control_that_comes_near_misses_its_bound() -> None:
    (missed,) = case_rows(FAST, 0, ("shift_only",))
    assert replace(missed, value=bound_of(missed)).passed is False


def bound_of(row: Row) -> float:
    return float(row.threshold.split()[1])


@bounded
def test_the_controls_bounds_lie_above_that_of_the_map(case: Case) -> None:
    (row,) = case_rows(case, 0, ("shift_only",))
    assert case.bound is not None
    assert bound_of(row) == pytest.approx(3.0 * case.bound)
    assert row.passed


def test_without_contraction_the_best_map_still_misses_in_sixteen_dimensions() -> None:
    stretch = np.geomspace(0.5, 2.0, 16)  # the map's spectrum; c = 1 holds each stretch at 1 or more
    least = 100 * np.square(np.minimum(stretch - 1.0, 0.0)).sum() / np.square(stretch).sum()
    assert least == pytest.approx(3.85, abs=0.01)
    assert least > CONTROL["fixed_quadratic"] * 2.0


def test_maximin_moves_a_free_map_most_of_the_way() -> None:
    rows = {row.map: row.value for row in case_rows(FAST, 0, ("affine", "shift_only"))}
    assert rows["affine"] < 0.3 * rows["shift_only"]


@pytest.mark.slow
@bounded
def test_semidual_is_near_at_full_budget(case: Case) -> None:
    rows = {row.map: row for row in case_rows(case, 0, CONTROLLED)}
    assert all(row.passed for row in rows.values())
    assert case.bound is not None
    assert rows["icnn"].value < case.bound
