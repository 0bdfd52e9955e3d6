"""Claim 4's measure: noise taken out, constant policies steady, labels exchanged."""

import numpy as np
import pandas as pd
import pytest
from claim_evidence import evaluations, evidence

from qdot.evaluation.evidence import Untestable
from qdot.evaluation.gather import evaluation_noise
from qdot.evaluation.permutation import Permuted
from qdot.evaluation.stability import course, root_difference, steadiness

RNG = np.random.default_rng
SCORES = {("a", "qdot"): [60.0] * 20, ("a", "adversarial"): [50.0] * 20, ("a", "bc"): [10.0] * 20}
OPTIONS = {"against": "adversarial", "reference": "bc"}


def single(scores: np.ndarray) -> pd.DataFrame:
    """Episodes from an array (evaluations, episodes)."""
    steps, episodes = np.indices(scores.shape)
    return pd.DataFrame({"step": steps.ravel(), "episode": episodes.ravel(), "score": scores.ravel()})


def test_noise_of_two_evaluations_by_hand() -> None:
    # scores 0, 4 and 2, 2: means 2, 2, starts 1, 3; residuals -1, 1 and 1, -1; 4 / ((2 - 1)(2 - 1)) / 2 = 2
    noise = evaluation_noise(single(np.array([[0.0, 4.0], [2.0, 2.0]])))
    assert list(noise) == pytest.approx([2.0, 2.0])


def test_shared_starts_are_no_noise() -> None:
    starts, course = RNG(0).normal(0, 40, 8), RNG(1).normal(0, 5, 10)
    assert evaluation_noise(single(course[:, None] + starts)).max() == pytest.approx(0, abs=1e-20)


def test_noise_is_unbiased_with_and_without_shared_starts() -> None:
    for spread in (0.0, 40.0):
        found = []
        for k in range(300):
            generator = RNG([5, k])
            scores = generator.normal(0, spread, 6) + generator.normal(0, 3, (10, 6))
            found.append(evaluation_noise(single(scores)).mean())
        assert np.mean(found) == pytest.approx(9 / 6, rel=0.03)


def test_only_the_last_ten_evaluations_have_noise() -> None:
    assert list(evaluation_noise(single(RNG(0).normal(size=(14, 3)))).index) == list(range(4, 14))


@pytest.mark.parametrize("shape", [(1, 5), (5, 1)])
def test_one_evaluation_or_one_episode_has_no_noise(shape: tuple[int, int]) -> None:
    assert evaluation_noise(single(np.zeros(shape))).empty


def test_excess_variance_is_variance_minus_noise() -> None:
    line = np.array([[*range(5), *([1.0, 3.0] * 5)]])  # of the last ten: variance 10/9
    found = course(evidence(SCORES, evaluations=evaluations({("a", "qdot"): line}, noise=0.5)), "a", "qdot")
    assert found.excess.loc[0] == pytest.approx(10 / 9 - 0.5)


def test_changes_between_evaluations_by_hand() -> None:
    line = np.cumsum([[0.0, 1, 1, 1, 1, 1, -9, 1, 1, 3, 3, 3]], axis=1)  # eleven changes
    found = course(evidence(SCORES, evaluations=evaluations({("a", "qdot"): line})), "a", "qdot")
    assert found.risk.loc[0] == -9.0  # the worst 5% of eleven is one
    assert found.spread.loc[0] == pytest.approx(1.0)  # quartiles 1 and 2


def test_too_few_evaluations_are_no_course() -> None:
    found = course(evidence(SCORES, evaluations=evaluations({("a", "qdot"): np.zeros((3, 9))})), "a", "qdot")
    assert found.excess.empty


def test_a_root_keeps_the_sign_of_a_negative_excess() -> None:
    assert root_difference([(np.array([[9.0]]), np.array([[-4.0]]))]) == pytest.approx([5.0])


def test_a_constant_policy_with_noisy_evaluations_is_steady() -> None:
    """Best to last would show a drop of 13 here, from noise alone."""
    noisy = RNG(3).normal(50, 8, (20, 12))
    found = steadiness(
        evidence(SCORES, evaluations=evaluations({("a", a): noisy for a in ("qdot", "adversarial")}, 64.0)),
        ["a"],
        **OPTIONS,
    )
    assert (noisy.max(axis=1) - noisy[:, -1]).mean() > 10
    assert found.measure.value == 0.0


def test_a_swinging_policy_is_found() -> None:
    swing = 50 + 10.0 * (-1) ** np.arange(12) + RNG(4).normal(0, 1, (20, 12))
    courses = {("a", "qdot"): RNG(5).normal(60, 1, (20, 12)), ("a", "adversarial"): swing}
    found = steadiness(evidence(SCORES, evaluations=evaluations(courses, 1.0)), ["a"], **OPTIONS)
    assert found.measure.value == pytest.approx(np.sqrt(1000 / 9), abs=0.6)  # standard deviation of +-10
    assert found.measure.p_above(0) < 0.001
    assert [each.estimate.value > 0 for each in found.secondary] == [True, False]  # wider changes, worse worst ones
    assert found.seeds == 20


def test_a_failed_seed_breaks_the_pairing() -> None:
    lines = RNG(6).normal(50, 3, (5, 10))
    rows = evaluations({("a", "qdot"): lines, ("a", "adversarial"): lines})
    rows = rows[~((rows["algorithm"] == "qdot") & (rows["seed"] == 2))]
    found = steadiness(evidence(SCORES, evaluations=rows), ["a"], **OPTIONS)
    assert isinstance(found.measure, Permuted)
    assert found.measure.exact
    assert len(found.measure.null) == 126  # 9 choose 5, not 2 ** 4


def test_stability_counts_only_where_both_exceed_the_reference() -> None:
    scores = {**SCORES, ("b", "qdot"): [60.0] * 20, ("b", "adversarial"): [5.0] * 20, ("b", "bc"): [10.0] * 20}
    lines = RNG(7).normal(50, 3, (20, 10))
    rows = evaluations({(d, a): lines for d in "ab" for a in ("qdot", "adversarial")})
    found = steadiness(evidence(scores, evaluations=rows), ["a", "b"], **OPTIONS)
    assert found.datasets == ["a"]
    assert "not both exceed bc there: b" in found.remarks[0]
    with pytest.raises(Untestable, match="both exceed bc on none of b"):
        steadiness(evidence(scores, evaluations=rows), ["b"], **OPTIONS)
