"""Normalised scores and the protocols that read evaluations during training."""

import pandas as pd
import pytest

from qdot.evaluation.scoreboard import training_protocols
from qdot.evaluation.scores import normalise


def evaluations(*scores: float) -> pd.DataFrame:
    """One cell's evaluations, one per step."""
    rows = [
        {"dataset": "d", "algorithm": "iql", "seed": 0, "readout": "policy", "step": 100 * index, "return": score}
        | {"score": score, "length": 5.0, "success": 0.0, "episodes": 2}
        for index, score in enumerate(scores)
    ]
    return pd.DataFrame(rows)


def test_random_scores_0_and_expert_100() -> None:
    assert normalise(-20.272305, (-20.272305, 3234.3)) == 0.0
    assert normalise(3234.3, (-20.272305, 3234.3)) == pytest.approx(100.0)
    assert normalise(3.0, (0.0, 4.0)) == 75.0
    assert normalise(-2.0, (0.0, 4.0)) == -50.0


def test_protocols_take_the_last_the_highest_and_the_mean_of_the_last_ten() -> None:
    table = training_protocols(evaluations(90.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0))
    found = table.set_index("protocol")
    assert found["score"].to_dict() == {"last": 9.0, "best": 90.0, "mean10": 4.5}
    assert found["episodes"].to_dict() == {"last": 2, "best": 2, "mean10": 20}


def test_mean10_needs_ten_evaluations() -> None:
    assert training_protocols(evaluations(1.0, 3.0))["protocol"].tolist() == ["last", "best"]
