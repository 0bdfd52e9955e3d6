"""Means over datasets, and detectable differences, against closed forms and published power tables."""

import math

import numpy as np
import pytest
from claim_evidence import SETTINGS
from scipy import stats

from qdot.evaluation.measures import Least, TMeasure
from qdot.evaluation.tasks import detectable, least_over_tasks, mean_over_tasks, standard_error

RNG = np.random.default_rng


def test_one_dataset_is_a_paired_t_test() -> None:
    values = RNG(0).normal(1, 2, 10)
    assert mean_over_tasks([values], SETTINGS, "x") == TMeasure.of(values)


def test_two_datasets_of_equal_size_have_welchs_degrees_of_freedom() -> None:
    first, second = RNG(1).normal(0, 1, 6), RNG(2).normal(0, 5, 9)
    error, freedom = standard_error([first, second])
    theirs = stats.ttest_ind(first, second, equal_var=False)  # the sum's error is the difference's
    assert freedom == pytest.approx(theirs.df)
    assert error == pytest.approx(abs(first.mean() - second.mean()) / abs(theirs.statistic) / 2)


def test_interval_over_datasets_is_near_the_t_interval_of_its_standard_error() -> None:
    values = [RNG(k).normal(k, 3, 8) for k in range(4)]
    error, freedom = standard_error(values)
    mine = mean_over_tasks(values, SETTINGS, "x").interval(0.95)
    half = stats.t.ppf(0.975, freedom) * error
    mean = np.mean([value.mean() for value in values])
    assert mine == pytest.approx((mean, mean - half, mean + half), abs=0.35 * error)


def test_seeds_are_resampled_within_datasets_only() -> None:
    assert mean_over_tasks([np.zeros(3), np.full(3, 10.0)], SETTINGS, "x").interval(0.95) == (5.0, 5.0, 5.0)


def test_single_seeds_on_several_datasets_decide_nothing() -> None:
    measure = mean_over_tasks([np.array([1.0]), np.array([3.0, 4.0])], SETTINGS, "x")
    assert measure.value == 2.25
    assert math.isnan(measure.p_above(0))


def test_the_best_baseline_is_chosen_again_in_every_resample() -> None:
    # Two baselines of equal mean: in a resample one of them is ahead, so the least gain lies lower than either's.
    gains = [np.stack([np.tile([1.0, -1.0], 10), np.tile([-1.0, 1.0], 10)], axis=1) for _ in range(2)]
    measure = least_over_tasks(gains, SETTINGS, "x")
    assert isinstance(measure, Least)
    assert measure.joint is not None
    assert measure.value == 0.0
    assert (measure.joint.draws <= 1e-12).all()
    assert np.mean(measure.joint.draws) < -0.05
    assert abs(np.mean(measure.parts[0].draws)) < 0.05
    assert measure.p_above(-0.3) > max(part.p_above(-0.3) for part in measure.parts)


@pytest.mark.parametrize("count", [3, 10, 34])
def test_detectable_difference_equals_the_noncentral_t(count: int) -> None:
    values = RNG(0).normal(size=count)
    critical, freedom = stats.t.ppf(0.975, count - 1), count - 1
    shift = detectable([values]) / standard_error([values])[0]
    assert stats.nct.sf(critical, freedom, shift) == pytest.approx(0.8, abs=1e-3)


def test_detectable_difference_equals_published_power() -> None:
    # G*Power: a paired t test of 34 pairs finds an effect of .5 standard deviations with power .8078
    values = RNG(0).normal(size=34)
    values = (values - values.mean()) / values.std(ddof=1)
    assert detectable([values], power=0.8078) == pytest.approx(0.5, abs=1e-3)


def test_detectable_difference_is_found_as_often_as_it_says() -> None:
    values = np.array([3.0, -2.0, 1.0, 0.5, -1.5])
    spread = values.std(ddof=1)
    runs = RNG(1).normal(detectable([values]), spread, (20000, 5))
    # the spread is known here and estimated by the test, as in the definition
    found = stats.ttest_1samp(runs, 0, axis=1).pvalue < 0.05
    assert found.mean() == pytest.approx(0.8, abs=0.01)


def test_one_seed_can_detect_nothing_that_is_known() -> None:
    assert math.isnan(detectable([np.array([1.0])]))
