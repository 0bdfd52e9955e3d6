"""Rows on bfloat16's scores, from tables whose answer is worked out by hand."""

import math
from collections.abc import Callable
from types import ModuleType

import pandas as pd
import pytest

from qdot.errors import ResultsError

DATASET = "halfcheetah-replay"


@pytest.fixture
def rounding(import_from: Callable[[str, str], ModuleType]) -> ModuleType:
    return import_from("speed", "rounding")


def scores(exact: list[float], rounded: list[float], **other: str) -> pd.DataFrame:
    """The table of a suite; `other` puts values into its last row."""
    rows = [
        {"dataset": DATASET, "algorithm": name, "readout": "map", "seed": seed, "protocol": "final", "score": score}
        for name, found in (("qdot", exact), ("qdot_bfloat16", rounded))
        for seed, score in enumerate(found)
    ]
    table = pd.DataFrame(rows).assign(status="ok")
    noise = table.assign(protocol="best", score=99.0), table.assign(readout="distill", score=-99.0)
    for column, value in other.items():
        table.loc[len(table) - 1, column] = value
    return pd.concat([*noise, table], ignore_index=True)


def test_the_interval_of_the_paired_differences_equals_the_value_by_hand(rounding: ModuleType) -> None:
    """Differences 1, 2, 3: mean 2, deviation 1; t(.95; 2) = 2.919986, over sqrt 3."""
    found = rounding.differences(scores([10.0, 50.0, 30.0], [11.0, 52.0, 33.0]), DATASET, "map", 3)
    assert list(found) == [1.0, 2.0, 3.0]
    mean, low, high, goal = rounding.score_rows(DATASET, found)
    half = 2.919986 / math.sqrt(3)
    assert [float(row["ours"]) for row in (mean, low, high)] == pytest.approx([2.0, 2 - half, 2 + half], abs=0.005)
    assert float(goal["ratio"]) == pytest.approx(5 / (2 + half), abs=0.001)
    assert (goal["goal"], goal["runs"], goal["precision"]) == (1.0, 3, "bfloat16")


def test_the_farther_end_may_be_the_lower_one(rounding: ModuleType) -> None:
    found = rounding.differences(scores([11.0, 52.0, 33.0], [10.0, 50.0, 30.0]), DATASET, "map", 3)
    goal = rounding.score_rows(DATASET, found)[-1]
    assert float(goal["ratio"]) == pytest.approx(5 / (2 + 2.919986 / math.sqrt(3)), abs=0.001)


def test_a_pair_that_is_not_whole_is_refused(rounding: ModuleType) -> None:
    failed = scores([10.0, 50.0], [11.0, 52.0], status="failed")
    with pytest.raises(ResultsError, match=r"found 1 seeds .* expected 2"):
        rounding.differences(failed, DATASET, "map", 2)


@pytest.mark.parametrize(("worst", "ratio"), [(0.0, "1.000"), (0.01, "0.000")])
def test_one_violation_in_any_seed_misses_the_goal(rounding: ModuleType, worst: float, ratio: str) -> None:
    curves = [pd.DataFrame({rounding.VIOLATIONS: values}) for values in ([0.0, 0.0], [worst, 0.0])]
    row = rounding.violation_row(DATASET, curves)
    assert (float(row["ours"]), row["ratio"], row["goal"], row["runs"]) == (worst, ratio, 1.0, 2)
