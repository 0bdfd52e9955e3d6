"""Permutation tests against scipy and counts by hand."""

import numpy as np
import pytest
from scipy import stats

from qdot.evaluation.measures import TMeasure
from qdot.evaluation.permutation import Pair, Permuted, Sample, exchange

RNG = np.random.default_rng


def mean_difference(pairs: list[Pair]) -> np.ndarray:
    return np.mean([first.mean(axis=-1) - second.mean(axis=-1) for first, second in pairs], axis=0)


def permuted(sample: Sample, samples: int) -> Permuted:
    null, exact = exchange([sample], mean_difference, samples, RNG(0))
    value = float(sample.first.mean() - sample.second.mean())
    return Permuted(TMeasure(value, 1.0, 5), null, exact)


def test_sign_flips_of_three_pairs_by_hand() -> None:
    # differences 1, 2, 3: of the 8 sign patterns only all plus reaches the sum 6
    measure = permuted(Sample(np.array([1.0, 2.0, 3.0]), np.zeros(3), True), 100)
    assert measure.exact
    assert measure.p_above(0) == pytest.approx(1 / 8)
    assert measure.p_below(0) == 1.0


def test_exact_sign_flips_equal_scipy() -> None:
    first, second = RNG(1).normal(1, 1, 9), RNG(2).normal(0, 1, 9)
    theirs = stats.permutation_test(
        (first, second), lambda x, y, axis: (x - y).mean(axis=axis), permutation_type="samples", alternative="greater"
    )
    assert permuted(Sample(first, second, True), 1000).p_above(0) == pytest.approx(theirs.pvalue)


def test_exact_label_permutations_equal_scipy() -> None:
    first, second = RNG(3).normal(1, 1, 4), RNG(4).normal(0, 1, 5)
    theirs = stats.permutation_test(
        (first, second), lambda x, y, axis: x.mean(axis=axis) - y.mean(axis=axis), alternative="less", n_resamples=1000
    )
    measure = permuted(Sample(first, second, False), 1000)
    assert measure.exact
    assert len(measure.null) == 126  # 9 choose 4
    assert measure.p_below(0) == pytest.approx(theirs.pvalue)


@pytest.mark.parametrize("paired", [True, False])
def test_random_exchanges_approach_the_exact_test(paired: bool) -> None:
    sample = Sample(RNG(5).normal(0.6, 1, 10), RNG(6).normal(0, 1, 10), paired)
    exact, drawn = permuted(sample, 200000), permuted(sample, 20000 if paired is False else 1000)
    assert exact.exact
    assert not drawn.exact
    assert drawn.p_above(0) == pytest.approx(exact.p_above(0), abs=0.03)


def test_equal_seeds_give_equal_exchanges() -> None:
    samples = [Sample(RNG(7).normal(size=12), RNG(8).normal(size=12), True)] * 2
    once, again = (exchange(samples, mean_difference, 500, RNG(9))[0] for _ in range(2))
    assert np.array_equal(once, again)


def test_a_permutation_test_knows_no_other_bound_than_zero() -> None:
    measure = permuted(Sample(np.ones(3), np.zeros(3), True), 100)
    with pytest.raises(ValueError, match="bound 0 only, found 2"):
        measure.p_above(2)
