"""Maps from samples of both sides: the semi-dual comes near, controls miss, free maps are fitted by max-min."""

import pytest

from qdot.transport.fitting import Budget
from qdot.transport.problems import gaussians
from qdot.transport.unpaired import CASES, CONTROL, CONTROLLED, Case, case_rows

FAST = Case(gaussians, 0.5, Budget(250, learning_rate=2e-2))


def test_semidual_comes_near_and_controls_miss() -> None:
    rows = {row.map: row for row in case_rows(FAST, 0, CONTROLLED)}
    assert rows["icnn"].value < 0.5
    assert min(rows["fixed_quadratic"].value, rows["shift_only"].value) > CONTROL
    assert all(row.passed for row in rows.values())


def test_maximin_moves_a_free_map_most_of_the_way() -> None:
    rows = {row.map: row.value for row in case_rows(FAST, 0, ("affine", "shift_only"))}
    assert rows["affine"] < 0.3 * rows["shift_only"]


@pytest.mark.slow
@pytest.mark.parametrize("index", range(len(CASES["full"])))
def test_semidual_is_near_at_full_budget(index: int) -> None:
    case = CASES["full"][index]
    rows = {row.map: row for row in case_rows(case, 0, CONTROLLED)}
    assert all(row.passed is not False for row in rows.values())
    assert case.bound is None or rows["icnn"].value < case.bound
