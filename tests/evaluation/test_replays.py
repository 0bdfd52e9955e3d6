"""Replays beside their bounds: the verdict, and what has none."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fake_study import TOP, fill, new_study, write_data, write_replay

from qdot.errors import ResultsError
from qdot.evaluation.replays import judge, replay_table
from qdot.replays import bounds_of, read_bounds

FOUND = {"check": "one_step", "n": 1900, "skipped": 100, "median": 3e-7, "p90": 8e-7, "p99": 2e-6, "max": 5e-6}


def rows(study: Any) -> pd.DataFrame:
    table = replay_table(study).set_index("dataset")
    return table.astype(object).where(table.notna(), None)


def test_a_replay_stands_beside_its_bound(tmp_path: Path) -> None:
    study = new_study(tmp_path, "quick")
    fill(study, algorithms=())
    table = rows(study)
    assert list(table.index) == list(study.datasets)
    row = table.loc["halfcheetah-replay"]
    assert (row["n"], row["skipped"], row["median"], row["p99"]) == (1900, 100, 3e-7, 2e-6)
    assert (row["bounds"], row["verdict"], row["reason"]) == ("median <= 1e-06", "within", None)
    row = table.loc["pendulum"]  # no state to set
    assert (row["verdict"], row["bounds"]) == ("not possible", None)
    assert "no bound" in row["reason"]


@pytest.mark.parametrize(
    ("changes", "verdict", "reason"),
    [
        ({"replay": FOUND | {"median": 1.1e-6}}, "beyond", None),
        ({"replay": FOUND | {"median": 1.0e-6}}, "within", None),
        ({"status": "not run", "reason": "no raw file", "replay": None}, "not possible", "no raw file"),
        ({"status": "failed", "reason": {"stage": "replay", "error": "bad"}}, "not possible", "replay: bad"),
        ({"raw_sha256": "b" * 64}, "not possible", "the replay is of another raw file than the prepared dataset"),
    ],
)
def test_a_verdict_needs_a_replay_of_these_data(
    tmp_path: Path, changes: dict[str, Any], verdict: str, reason: str | None
) -> None:
    study = new_study(tmp_path, "quick", dataset="halfcheetah-replay")
    write_data(study, "halfcheetah-replay")
    assert rows(study).loc["halfcheetah-replay", "reason"] == "data: not replayed yet"
    write_replay(study, "halfcheetah-replay", **changes)
    row = rows(study).loc["halfcheetah-replay"]
    assert (row["verdict"], row["reason"]) == (verdict, reason)


def test_every_bound_of_an_environment_counts() -> None:
    bounds = bounds_of(TOP, "gym", "qdot/halfcheetah-v2")
    assert {bound.measure: bound.bound for bound in bounds} == {"median": 1e-6, "p90": 3.5e-4}
    # The measured residual: median 6.0e-7, p90 3e-4.
    assert judge(FOUND | {"median": 6.0e-7, "p90": 3e-4}, bounds) == "within"
    assert judge(FOUND | {"median": 6.0e-7, "p90": 3e-3}, bounds) == "beyond"
    assert [bound.measure for bound in bounds_of(TOP, "gym", "qdot/hopper-v2")] == ["median"]
    assert bounds_of(TOP, "gym", None) == bounds_of(TOP, "control", "Pendulum-v1") == ()


def test_every_dataset_of_the_paper_is_replayed(tmp_path: Path) -> None:
    study = new_study(tmp_path, "paper")
    assert study.replayed == study.datasets
    assert len(study.datasets) == 18


def test_a_malformed_table_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bounds.csv"
    path.write_text("domain,environment,measure,bound,source\ngym,,median,small,somewhere\n")
    with pytest.raises(ResultsError, match=r"bounds\.csv: malformed"):
        read_bounds(path)
    with pytest.raises(ResultsError, match="cannot be read"):
        read_bounds(tmp_path / "absent.csv")
