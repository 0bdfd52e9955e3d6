"""AUROC is Mann and Whitney's; displacement is no measure of novelty, and the rows show it."""

import numpy as np
import pytest
from scipy import stats

from qdot.transport.fitting import Budget
from qdot.transport.novelty import auroc, auroc_interval, problem_rows


def test_auroc_is_mann_and_whitneys_statistic() -> None:
    rng = np.random.default_rng(0)
    inside, outside = rng.normal(size=40), np.round(rng.normal(loc=0.5, size=60), 1)
    expected = stats.mannwhitneyu(outside, inside).statistic / (40 * 60)
    assert auroc(inside, outside) == pytest.approx(expected)
    assert auroc(np.zeros(3), np.ones(3)) == 1.0
    assert auroc(np.zeros(3), np.zeros(4)) == 0.5


def test_interval_holds_the_truth_as_often_as_it_says() -> None:
    truth, hits = stats.norm.cdf(1.0 / np.sqrt(2.0)), 0
    for seed in range(25):
        rng = np.random.default_rng([seed, 1])
        value, low, high = auroc_interval(rng.normal(size=80), rng.normal(loc=1.0, size=80), rng)
        assert low <= value <= high
        hits += low <= truth <= high
    assert hits >= 21  # 24 expected of 25


def test_displacement_calls_mapped_actions_familiar_and_distance_finds_uniform_ones() -> None:
    rows = problem_rows("lqr2", Budget(300, learning_rate=3e-3), seed=0)
    value = {(row.problem, row.map): row.value for row in rows if row.metric == "auroc"}
    assert value["lqr2/mapped", "displacement"] < 0.5  # T moves towards the peak, where displacement is small
    assert value["lqr2/uniform", "nearest_data_action"] > 0.9
    assert value["lqr2/uniform", "nearest_data_action"] > value["lqr2/uniform", "displacement"]
