"""Two runs row by row: means, differences and intervals against hand-computed values and SciPy."""

import math

import pytest
from scipy import stats

from qdot.evaluation.pairs import PAIRED, WELCH, pair, pairs

KEY = ("d", "a", "policy", "final", "score")
T2 = 4.302652729911275  # Student's t, two degrees of freedom, 97.5%


def test_runs_with_the_same_seeds_are_paired_seed_by_seed() -> None:
    found = pair(KEY, {0: 1.0, 1: 2.0, 2: 3.0}, {2: 6.0, 0: 2.0, 1: 4.0}, 0.95)
    half = T2 / math.sqrt(3)  # the differences 1, 2, 3 have the mean 2 and the standard deviation 1
    assert (found.how, found.seeds) == (PAIRED, ([0, 1, 2], [0, 1, 2]))
    assert found.difference == pytest.approx((2.0, 2.0 - half, 2.0 + half))
    assert found.first == pytest.approx((2.0, 2.0 - half, 2.0 + half))
    assert found.second == pytest.approx((4.0, 4.0 - 2 * half, 4.0 + 2 * half))


@pytest.mark.parametrize("second", [{0: 2.0, 1: 9.0}, {0: 2.0, 1: 4.0, 3: 6.0}, {5: 2.0, 6: 4.0, 7: 9.0, 8: 1.0}])
def test_runs_with_other_seeds_are_compared_by_welch(second: dict[int, float]) -> None:
    first = {0: 1.0, 1: 2.0, 2: 3.5}
    found = pair(KEY, first, second, 0.9)
    theirs = stats.ttest_ind(list(second.values()), list(first.values()), equal_var=False).confidence_interval(0.9)
    assert found.how == WELCH
    assert found.difference[1:] == pytest.approx((theirs.low, theirs.high))
    assert found.difference.value == pytest.approx((theirs.low + theirs.high) / 2)


@pytest.mark.parametrize("second", [{0: 5.0}, {1: 5.0}, {1: 4.0, 2: 6.0}])
def test_one_seed_gives_a_difference_and_no_interval(second: dict[int, float]) -> None:
    found = pair(KEY, {0: 3.0}, second, 0.95)
    assert found.difference.value == 2.0
    assert math.isnan(found.difference.low)
    assert math.isnan(found.difference.high)


def test_a_run_beside_itself_differs_by_nothing() -> None:
    run = {0: 1.0, 1: 5.0}
    assert pair(KEY, run, dict(run), 0.95).difference == (0.0, 0.0, 0.0)


def test_rows_of_one_run_alone_have_no_pair() -> None:
    other = ("d", "b", "policy", "final", "score")
    found = pairs({KEY: {0: 1.0}, other: {0: 1.0}}, {KEY: {0: 2.0}}, 0.95)
    assert [each.key for each in found] == [KEY]
