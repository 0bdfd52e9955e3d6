"""Intervals and aggregates against hand-computed values and scipy."""

import math

import numpy as np
import pytest
from scipy import stats

from qdot.evaluation import statistics

RNG = np.random.default_rng


def test_t_interval_equals_the_value_by_hand() -> None:
    # mean 2, standard deviation 1, t(.975; 2) = 4.302653, half width 4.302653 / sqrt(3) = 2.484138
    assert statistics.t_interval(np.array([1.0, 2.0, 3.0]), 0.95) == pytest.approx((2.0, -0.484138, 4.484138), abs=1e-6)


def test_one_seed_gives_a_value_and_no_interval() -> None:
    value, low, high = statistics.t_interval(np.array([7.0]), 0.95)
    assert value == 7.0
    assert math.isnan(low)
    assert math.isnan(high)


def test_no_seed_gives_nothing() -> None:
    assert all(map(math.isnan, statistics.t_interval(np.empty(0), 0.95)))


@pytest.mark.parametrize(
    ("scores", "by_hand"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 700], 3.5),  # drops two at each end
        ([0, 1, 2, 3, 4, 100], 2.5),  # int(6 / 4) = 1 at each end
        ([5, 1, 900], 302.0),  # int(3 / 4) = 0: the plain mean
    ],
)
def test_interquartile_mean_drops_a_quarter_at_each_end(scores: list[float], by_hand: float) -> None:
    half = len(scores) // 2
    groups = [np.array(scores[:half], dtype=float)[None], np.array(scores[half:], dtype=float)[None]]
    assert statistics.interquartile_mean(groups)[0] == pytest.approx(by_hand)


def test_mean_over_datasets_weighs_datasets_alike() -> None:
    groups = [np.array([[0.0, 0.0, 0.0, 0.0]]), np.array([[10.0]])]
    assert statistics.mean_of_datasets(groups)[0] == 5.0


def test_bootstrap_resamples_within_datasets_only() -> None:
    groups = [np.zeros(3), np.full(3, 10.0)]  # over all six scores the mean would spread
    assert statistics.bootstrap(groups, statistics.mean_of_datasets, 500, 0.95, RNG(0)) == (5.0, 5.0, 5.0)


def test_bootstrap_interval_has_the_exact_quantiles_of_two_seeds() -> None:
    # Means of two draws from {0, 1}: 0, 1/2, 1 with probabilities 1/4, 1/2, 1/4.
    groups = [np.array([0.0, 1.0])]
    wide = statistics.bootstrap(groups, statistics.mean_of_datasets, 4000, 0.95, RNG(1))
    narrow = statistics.bootstrap(groups, statistics.mean_of_datasets, 4000, 0.4, RNG(1))
    assert wide == (0.5, 0.0, 1.0)
    assert narrow == (0.5, 0.5, 0.5)


def test_bootstrap_agrees_with_scipy_on_one_dataset() -> None:
    scores = RNG(3).normal(50, 10, 12)
    theirs = stats.bootstrap((scores,), np.mean, n_resamples=20000, method="percentile", rng=RNG(4)).confidence_interval
    mine = statistics.bootstrap([scores], statistics.mean_of_datasets, 20000, 0.95, RNG(5))
    assert mine == pytest.approx((scores.mean(), theirs.low, theirs.high), abs=0.3)


def test_bootstrap_of_single_seeds_claims_no_interval() -> None:
    value, low, _ = statistics.bootstrap([np.array([4.0])], statistics.interquartile_mean, 200, 0.95, RNG(0))
    assert value == 4.0
    assert math.isnan(low)


def test_probability_of_improvement_counts_ties_one_half() -> None:
    # pairs won: 1>0, 2>0, 3>0, 3>2; one tie 2=2: 4.5 of 9
    first, second = np.array([1.0, 2.0, 3.0]), np.array([0.0, 2.0, 4.0])
    assert statistics.superiority(first[None], second[None])[0] == pytest.approx(0.5)


def test_probability_of_improvement_is_mann_whitney() -> None:
    first, second = RNG(0).integers(0, 6, 9).astype(float), RNG(1).integers(0, 6, 7).astype(float)
    u = stats.mannwhitneyu(first, second).statistic
    mine = statistics.probability_of_improvement([first], [second], 300, 0.95, RNG(2))
    assert mine.value == pytest.approx(u / 63)
    assert 0 <= mine.low <= mine.value <= mine.high <= 1


def test_probability_of_improvement_averages_over_datasets() -> None:
    first, second = [np.array([2.0, 2.0]), np.array([1.0, 1.0])], [np.array([1.0, 1.0]), np.array([1.0, 1.0])]
    assert statistics.probability_of_improvement(first, second, 200, 0.95, RNG(0)) == (0.75, 0.75, 0.75)


def test_equal_generators_give_equal_intervals() -> None:
    scores = [RNG(0).normal(size=5), RNG(1).normal(size=6)]
    once, again = (statistics.bootstrap(scores, statistics.interquartile_mean, 400, 0.95, RNG(9)) for _ in range(2))
    assert once == again
