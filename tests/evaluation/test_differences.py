"""differences.csv and profiles.csv against hand-computed values and scipy."""

import numpy as np
import pandas as pd
import pytest
from claim_evidence import SETTINGS, board, pooled
from scipy import stats

from qdot.evaluation.differences import difference_table
from qdot.evaluation.profiles import THRESHOLDS, profile_table

QDOT, OTHER, THIRD = [61.0, 64.0, 58.0, 66.0], [55.0, 60.0, 57.0, 59.0], [70.0, 10.0, 64.0, 80.0]
SCORES = {
    ("a", "qdot"): QDOT,
    ("a", "ddpg_bc"): OTHER,
    ("a", "prox"): THIRD,
    ("b", "qdot"): QDOT,
    ("b", "ddpg_bc"): THIRD,
}


def table(counted: tuple[str, ...] = ("a", "b")) -> pd.DataFrame:
    return difference_table(pooled(SCORES), ["ddpg_bc", "prox", "no_icnn"], [], counted, SETTINGS)


def test_rows_are_paired_t_tests() -> None:
    row = table().iloc[0]
    theirs = stats.ttest_rel(QDOT, OTHER)
    assert (row["dataset"], row["algorithm"], row["other"], row["seeds"]) == ("a", "qdot", "ddpg_bc", 4)
    assert row["difference"] == pytest.approx(4.5)
    assert row["p"] == pytest.approx(theirs.pvalue)
    assert (row["low"], row["high"]) == pytest.approx(tuple(theirs.confidence_interval(0.95)))


def test_holm_adjusts_within_a_dataset() -> None:
    rows = table().query("dataset == 'a'")
    small, large = sorted(rows["p"])
    assert sorted(rows["p_holm"]) == pytest.approx(sorted([min(1, 2 * small), max(2 * small, large)]))


def test_what_was_not_run_has_no_row_and_all_needs_two_datasets() -> None:
    rows = table()
    assert list(zip(rows["dataset"], rows["other"], strict=True)) == [
        ("a", "ddpg_bc"),
        ("a", "prox"),
        ("b", "ddpg_bc"),
        ("all", "ddpg_bc"),
    ]
    assert rows.iloc[-1]["difference"] == pytest.approx(np.mean([4.5, np.mean(QDOT) - np.mean(THIRD)]))
    assert "all" not in set(table(("a",))["dataset"])


def test_profiles_are_shares_above_a_threshold() -> None:
    rows = profile_table(board(SCORES | {("b", "prox"): OTHER}), SETTINGS).set_index(["algorithm", "threshold"])
    assert len(rows) == 3 * len(THRESHOLDS)
    assert rows.loc[("qdot", 60.0), "value"] == 0.75  # 61, 64, 66 of four, on both datasets
    assert rows.loc[("ddpg_bc", 60.0), "value"] == pytest.approx((0 + 3 / 4) / 2)
    assert rows.loc[("qdot", 0.0), ["low", "high"]].tolist() == [1.0, 1.0]
    assert rows.loc[("qdot", 62.0), "low"] < 0.5 < rows.loc[("qdot", 62.0), "high"]
