"""Normalised scores and the protocols that read evaluations during training."""

import pytest

from qdot.evaluation.scores import ProtocolScore, normalise, training_protocols


def test_random_scores_0_and_expert_100() -> None:
    assert normalise(-20.272305, (-20.272305, 3234.3)) == 0.0
    assert normalise(3234.3, (-20.272305, 3234.3)) == pytest.approx(100.0)
    assert normalise(3.0, (0.0, 4.0)) == 75.0
    assert normalise(-2.0, (0.0, 4.0)) == -50.0


def test_protocols_take_the_last_the_highest_and_the_mean_of_the_last_ten() -> None:
    found = training_protocols([90.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0])
    assert found == {
        "last": ProtocolScore(9.0, 1, "ok"),
        "best": ProtocolScore(90.0, 1, "ok"),
        "mean10": ProtocolScore(4.5, 10, "ok"),
    }


def test_mean10_needs_ten_evaluations_and_says_so() -> None:
    found = training_protocols([1.0, 3.0])
    assert found["last"].value == 3.0
    assert found["mean10"] == ProtocolScore(None, 2, "not run: 2 evaluations, mean10 needs 10")


def test_without_evaluations_nothing_is_scored() -> None:
    for score in training_protocols([]).values():
        assert score.value is None
        assert score.status.startswith("not run")
