"""Verdicts on two runs: each can occur, each by a bound that another formula gives."""

import math
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from fake_study import TOP
from scipy import stats

from qdot.evaluation.scoreboard import PROTOCOLS
from qdot.evaluation.verification import Key, Row, Runs, Tolerances, differing_making, differing_values, verify

STRICT = Tolerances(0.99, ["final"], {"score": {"identical": 1e-6, "absolute": 0.0, "relative": 0.0}}, ["data.licence"])
KEPT = {0: 50.0, 1: 54.0, 2: 52.0, 3: 49.0, 4: 55.0}


def key(name: str) -> Key:
    return ("d", name, "policy", "final", "score")


def moved(by: float) -> dict[int, float]:
    """KEPT with its seeds in another order, moved: the same spread, no seed the same."""
    return {seed: KEPT[(seed + 1) % 5] + by for seed in KEPT}


def one(kept: dict[int, float], own: dict[int, float], tolerances: Tolerances = STRICT, beside: int = 0) -> Row:
    """The row of two runs, beside so many other rows that are judged."""
    others: Runs = {key(f"x{i}"): KEPT for i in range(beside)}
    theirs: Runs = {key(f"x{i}"): moved(0.5) for i in range(beside)}
    return verify({key("a"): kept} | others, {key("a"): own} | theirs, (), tolerances)[0]


def test_the_interval_is_that_of_a_pooled_t_test() -> None:
    own = [48.0, 57.0, 53.0]
    found = one(KEPT, dict(enumerate(own)))
    reference = stats.ttest_ind(own, list(KEPT.values())).confidence_interval(0.99)
    assert found.interval == pytest.approx((reference.high - reference.low) / 2)
    assert found.difference == pytest.approx((reference.high + reference.low) / 2)
    assert (found.kept_seeds, found.own_seeds) == (5, 3)


def test_many_rows_share_one_risk() -> None:
    own = moved(1.0)
    reference = stats.ttest_ind(list(own.values()), list(KEPT.values())).confidence_interval(1 - 0.01 / 8)
    assert one(KEPT, own, beside=7).tolerance == pytest.approx((reference.high - reference.low) / 2)
    assert one(KEPT, own).tolerance == one(KEPT, own).interval


@pytest.mark.parametrize(("by", "verdict"), [(0.5, "within"), (5.0, "within"), (7.0, "far"), (30.0, "beyond")])
def test_a_difference_is_within_far_or_beyond(by: float, verdict: str) -> None:
    found = one(KEPT, moved(by), beside=20)
    assert 5.0 < found.interval < 7.0 < found.tolerance < 30.0  # so each case lies where it says
    assert found.verdict == one(KEPT, moved(-by), beside=20).verdict == verdict


def test_equal_seeds_are_identical_and_a_seed_that_differs_is_not() -> None:
    assert one(KEPT, dict(KEPT)).verdict == "identical"
    assert one(KEPT, {1: 54.0}).verdict == "identical"
    assert one(KEPT, {1: 54.0}).kept == 54.0
    assert one(KEPT, KEPT | {4: 55.00001}).verdict == "within"
    assert one(KEPT, {7: 50.0, 8: 54.0}).verdict == "within"


def test_what_one_run_lacks_is_named_and_other_values_are_not_judged() -> None:
    kept: Runs = {key("a"): KEPT, key("b"): KEPT, key("c"): KEPT}
    own: Runs = {key("b"): moved(90.0), key("c"): moved(90.0), key("e"): KEPT}
    verdicts = {row.algorithm: row.verdict for row in verify(kept, own, {("d", "b")}, STRICT)}
    assert verdicts == {"a": "missing here", "b": "other values", "c": "beyond", "e": "not in kept"}


def test_single_seeds_show_no_spread_so_the_stated_tolerance_alone_counts() -> None:
    quantities = {"score": {"identical": 1e-6, "absolute": 1.0, "relative": 0.01}}
    loose = Tolerances(0.99, ["final"], quantities, ())
    assert one({0: 50.0}, {0: 51.4}, loose).verdict == "within"
    assert one({0: 50.0}, {0: 51.6}, loose).verdict == "beyond"
    assert one({0: 50.0}, {0: 51.4}, loose).tolerance == pytest.approx(1.5)


def test_good_repetitions_are_seldom_far_and_next_to_never_beyond() -> None:
    draw = np.random.default_rng(0)
    far = failed = 0
    for _ in range(40):
        runs: list[Runs] = [
            {key(str(row)): dict(enumerate(draw.normal(50, 10, size=3))) for row in range(50)} for _ in range(2)
        ]
        counts = Counter(row.verdict for row in verify(*runs, (), STRICT))
        far, failed = far + counts["far"] + counts["beyond"], failed + bool(counts["beyond"])
    assert 8 <= far <= 36  # 2,000 rows at 1%: 20 expected, standard deviation 4.4
    assert failed <= 3  # 40 repetitions at 1%


def test_values_are_compared_where_both_runs_have_the_pair() -> None:
    columns = ["dataset", "algorithm", "key", "value"]
    kept = [("d", "a", "train.steps", "100"), ("d", "a", "data.licence", "x"), ("d", "b", "train.steps", "100")]
    own = [("d", "a", "train.steps", "200"), ("d", "a", "data.licence", "y"), ("d", "a", "train.new", "1")]
    frames = (pd.DataFrame(rows, columns=columns) for rows in (kept, own))
    found = differing_values(*frames, STRICT.descriptive).set_index("key")
    assert found[["kept", "own"]].to_dict("index") == {
        "train.new": {"kept": "", "own": "1"},
        "train.steps": {"kept": "100", "own": "200"},
    }


def test_versions_are_compared_and_commits_are_not() -> None:
    def table(torch: str, commit: str) -> pd.DataFrame:
        rows = [("train", "versions.torch", torch, 2), ("train", "runtime.git_commit", commit, 2)]
        return pd.DataFrame(rows, columns=["stage", "field", "value", "records"])

    assert differing_making(table("1", "a"), table("1", "b")) == []
    expected = [{"stage": "train", "field": "versions.torch", "kept": "1", "own": "2"}]
    assert differing_making(table("1", "a"), table("2", "b")) == expected


def test_the_tolerances_in_the_repository_are_of_the_known_form() -> None:
    found = Tolerances.load(TOP)
    assert 0.9 < found.confidence < 1
    assert set(found.quantities) == {"score", "return"}
    for bounds in found.quantities.values():
        assert set(bounds) == {"identical", "absolute", "relative"}
        assert all(value >= 0 and math.isfinite(value) for value in bounds.values())
    assert set(found.protocols) <= set(PROTOCOLS)
