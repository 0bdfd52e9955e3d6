"""p-values, intervals and Holm's adjustment against values by hand and scipy."""

import math

import numpy as np
import pytest
from scipy import stats

from qdot.evaluation.measures import DrawMeasure, Exponential, Least, Negated, TMeasure, greatest, holm, two_sided

RNG = np.random.default_rng


def test_paired_t_equals_scipy() -> None:
    first, second = RNG(0).normal(50, 5, 10), RNG(1).normal(48, 5, 10)
    mine = TMeasure.of(first - second)
    theirs = stats.ttest_rel(first, second)
    assert two_sided(mine) == pytest.approx(theirs.pvalue)
    assert mine.p_above(0) == pytest.approx(stats.ttest_rel(first, second, alternative="greater").pvalue)
    assert mine.interval(0.9)[1:] == pytest.approx(tuple(theirs.confidence_interval(0.9)))


def test_paired_t_equals_the_value_by_hand() -> None:
    # differences 1, 2, 3: mean 2, standard error 1 / sqrt(3), t = 3.4641 with 2 degrees of freedom
    measure = TMeasure.of(np.array([1.0, 2.0, 3.0]))
    assert measure.interval(0.95) == pytest.approx((2.0, -0.484138, 4.484138), abs=1e-6)
    assert measure.p_above(0) == pytest.approx(0.5 * (1 - math.sqrt(12 / 14)), abs=1e-9)  # closed form of t with 2
    assert measure.p_below(0) == pytest.approx(1 - measure.p_above(0))


def test_differences_without_spread_are_certain() -> None:
    measure = TMeasure.of(np.full(4, 3.0))
    assert (measure.p_above(0), measure.p_below(0), measure.p_above(3)) == (0.0, 1.0, 1.0)
    assert measure.interval(0.95) == (3.0, 3.0, 3.0)


def test_one_seed_decides_nothing() -> None:
    measure = TMeasure.of(np.array([5.0]))
    assert math.isnan(measure.p_above(0))
    assert math.isnan(measure.interval(0.95).low)


def test_a_p_value_crosses_the_level_where_the_interval_crosses_the_bound() -> None:
    draws = RNG(2).normal(1.0, 1.0, 20000)
    for measure in (TMeasure(1.0, 1.0, 7), DrawMeasure(1.0, draws, 7.0, 1.1), Exponential(TMeasure(1.0, 0.2, 7))):
        low, high = measure.interval(0.9)[1:]
        assert measure.p_above(low) == pytest.approx(0.05, abs=2e-3)
        assert measure.p_below(high) == pytest.approx(0.05, abs=2e-3)


def test_widened_draws_of_a_mean_give_students_interval() -> None:
    # A bootstrap of a mean has variance (n - 1) / n of the standard error's and normal tails: both are undone.
    values = RNG(3).normal(10, 2, 6)
    draws = RNG(4).normal(values.mean(), values.std(ddof=0) / math.sqrt(6), 400000)
    mine = DrawMeasure(float(values.mean()), draws, 5.0, math.sqrt(6 / 5)).interval(0.9)
    assert mine == pytest.approx(TMeasure.of(values).interval(0.9), abs=0.03)


def test_draws_of_a_mean_are_never_surer_than_student() -> None:
    draws, student = np.full(1000, 1.0), TMeasure(1.0, 1.0, 4)  # five equal scores resampled know no spread
    measure = DrawMeasure(1.0, draws, 4.0, 1.1, student)
    assert measure.p_above(0) == student.p_above(0) > DrawMeasure(1.0, draws, 4.0, 1.1).p_above(0)
    assert measure.p_below(2) == student.p_below(2)
    assert measure.interval(0.95) == student.interval(0.95)


def test_the_least_needs_every_part_above_and_corrects_below() -> None:
    parts = [TMeasure(3.0, 1.0, 9), TMeasure(1.0, 1.0, 9)]
    least = Least(parts)
    assert least.value == 1.0
    assert least.p_above(0) == parts[1].p_above(0)
    assert least.p_below(5) == pytest.approx(2 * parts[1].p_below(5))
    assert least.interval(0.9).low == parts[1].interval(0.9).low
    assert least.interval(0.9).high == parts[1].interval(0.95).high


def test_the_greatest_is_the_mirrored_least() -> None:
    parts = [TMeasure(3.0, 1.0, 9), TMeasure(1.0, 1.0, 9)]
    largest = greatest(parts)
    assert largest.value == 3.0
    assert largest.p_below(5) == parts[0].p_below(5)
    assert largest.p_above(0) == pytest.approx(2 * parts[0].p_above(0))
    assert Negated(parts[0]).interval(0.9) == pytest.approx((-3.0, *(-x for x in parts[0].interval(0.9)[:0:-1])))


def test_holm_equals_the_values_by_hand() -> None:
    # sorted .01, .02, .03, .04 times 4, 3, 2, 1: .04, .06, .06, .04 -> monotone .04, .06, .06, .06
    assert holm([0.02, 0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.06, 0.04, 0.06])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


def test_holm_leaves_out_what_was_not_tested() -> None:
    first, unknown, second = holm([0.02, math.nan, 0.5])
    assert (first, second) == pytest.approx((0.04, 0.5))
    assert math.isnan(unknown)
