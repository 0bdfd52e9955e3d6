"""Commits of rules, on a real git repository."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from qdot.evaluation.history import UNCOMMITTED, UNKNOWN, Change, History, post_hoc, runs

FILE = Path("claims.yaml")
FIRST: dict[str, Any] = {"claims": [{"id": 1, "rule": "above", "bound": 0, "sentence": "x"}, {"id": 2, "bound": 7}]}


def git(root: Path, *arguments: str, date: str = "2025-01-01T00:00:00+00:00") -> str:
    who = {"GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@t", "GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@t"}
    environment = {**who, "GIT_COMMITTER_DATE": date, "GIT_AUTHOR_DATE": date, "PATH": "/usr/bin:/bin:/usr/local/bin"}
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], check=True, capture_output=True, text=True, env=environment
    )
    return done.stdout.strip()


def commit(root: Path, content: Mapping[str, Any], date: str) -> str:
    (root / FILE).write_text(yaml.safe_dump(content))
    git(root, "add", "-A")
    git(root, "commit", "-qm", "change", date=date)
    return git(root, "rev-parse", "HEAD")


def changed(bound: int, sentence: str = "x") -> dict[str, Any]:
    first, second = FIRST["claims"]
    return {"claims": [{**first, "bound": bound, "sentence": sentence}, second]}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    return tmp_path


def test_a_rules_commit_is_the_last_that_changed_what_decides(repository: Path) -> None:
    first = commit(repository, FIRST, "2025-01-01T00:00:00+00:00")
    second = commit(repository, changed(3), "2025-02-01T00:00:00+00:00")
    now = changed(3, "another sentence")
    commit(repository, now, "2025-03-01T00:00:00+00:00")
    history = History(repository, FILE)
    assert history.change("claims", now["claims"][0], now) == Change(second, "2025-02-01T00:00:00+00:00")
    assert history.change("claims", now["claims"][1], now).commit == first


def test_a_bound_that_was_changed_back_is_as_late_as_the_change_back(repository: Path) -> None:
    for bound, month in ((0, 1), (3, 2)):
        commit(repository, changed(bound), f"2025-0{month}-01T00:00:00+00:00")
    last = commit(repository, FIRST, "2025-03-01T00:00:00+00:00")
    assert History(repository, FILE).change("claims", FIRST["claims"][0], FIRST).commit == last


def test_what_all_rules_share_counts(repository: Path) -> None:
    commit(repository, FIRST, "2025-01-01T00:00:00+00:00")
    now = {**FIRST, "baselines": ["bc"]}
    second = commit(repository, now, "2025-02-01T00:00:00+00:00")
    assert History(repository, FILE).change("claims", now["claims"][0], now).commit == second


def test_a_rule_that_is_not_committed_is_post_hoc(repository: Path) -> None:
    commit(repository, FIRST, "2025-01-01T00:00:00+00:00")
    now = changed(9)
    change = History(repository, FILE).change("claims", now["claims"][0], now)
    assert change.commit == UNCOMMITTED
    assert post_hoc(change, ["2099-01-01T00:00:00Z"]) is True


def test_outside_a_repository_the_commit_is_unknown(tmp_path: Path) -> None:
    change = History(tmp_path, FILE).change("claims", FIRST["claims"][0], FIRST)
    assert change == Change(UNKNOWN, None)
    assert post_hoc(change, ["2025-01-01T00:00:00Z"]) == UNKNOWN


def test_a_history_that_is_cut_short_tells_nothing(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    for bound in (0, 3):
        commit(repository, changed(bound), "2025-01-01T00:00:00+00:00")
    clone = tmp_path_factory.mktemp("clone")
    git(clone, "clone", "-q", "--depth", "1", f"file://{repository}", ".")
    assert History(clone, FILE).change("claims", changed(3)["claims"][0], changed(3)).commit == UNKNOWN


@pytest.mark.parametrize(
    ("finished", "late"),
    [
        (["2025-06-01T00:00:00Z", "2025-01-31T23:00:00Z"], True),  # the earliest counts
        (["2025-02-01T02:00:00Z"], False),
        (["2025-02-01T00:30:00+00:00"], True),  # 01:00 +00:00 is later, whatever the zone it is written in
        ([], UNKNOWN),
    ],
)
def test_a_rule_later_than_the_earliest_run_is_post_hoc(finished: list[str], late: bool | str) -> None:
    assert post_hoc(Change("c", "2025-02-01T03:00:00+02:00"), finished) == late


def test_runs_are_the_trained_cells_with_commit_and_end() -> None:
    rows = [("a", "qdot", 0, "train", "runtime.git_commit", "c1"), ("a", "qdot", 0, "train", "runtime.finished", "t1")]
    rows += [("a", "qdot", 0, "evaluate", "runtime.finished", "t2"), ("a", "bc", 0, "train", "digest", "d")]
    table = runs(pd.DataFrame(rows, columns=["dataset", "algorithm", "seed", "stage", "field", "value"]))
    assert table.to_dict("records")[0] == {
        **{"dataset": "a", "algorithm": "qdot", "seed": 0},
        **{"git_commit": "c1", "finished": "t1"},
    }
    assert table["git_commit"].isna().tolist() == [False, True]
