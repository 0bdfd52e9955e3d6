"""`qdot verify` finds every change that is made to a run, and fails exactly where a row is beyond its tolerance."""

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kept_run import edit, finished, vouch

from qdot.cli import main
from qdot.provenance import read_json, write_json
from qdot.stages import keep
from qdot.study import Study

TABLES = Path("results/tiny/compare")


@pytest.fixture(scope="module")
def kept_run(tmp_path_factory: pytest.TempPathFactory) -> Study:
    study = finished(tmp_path_factory.mktemp("kept"))
    keep.run("tiny", study.root / "docs/results/mine", False, study.root)
    return study


@pytest.fixture
def top(kept_run: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a checkout with a run and the same run kept."""
    for name in ("docs", "results", "workflow"):
        shutil.copytree(kept_run.root / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def verified(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    status = main(["verify", "--json", *arguments])
    return status, json.loads(capsys.readouterr().out)["runs"][0]


def verdicts(result: dict[str, Any], algorithm: str) -> Counter[str]:
    return Counter(row["verdict"] for row in result["rows"] if row["algorithm"] == algorithm)


def raised(by: float) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Scores of BC moved, each seed's."""
    return lambda frame: frame.assign(score=frame["score"] + by * (frame["algorithm"] == "bc"))


def test_the_same_run_is_identical(top: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, result = verified(capsys)
    rows = pd.read_csv(TABLES / "scores.csv").dropna(subset="score")
    assert (status, result["status"]) == (0, "agrees")
    assert result["counts"]["identical"] == len(result["rows"]) == len(rows) / 2  # two seeds a row
    assert result["values"] == result["made_with"] == result["claims"] == result["expectations"] == []


@pytest.mark.parametrize(("by", "verdict", "expected"), [(0.5, "within", 0), (5000.0, "beyond", 1)])
def test_a_changed_score_is_found_and_judged(
    top: Path, capsys: pytest.CaptureFixture[str], by: float, verdict: str, expected: int
) -> None:
    edit(TABLES, "scores.csv", raised(by))
    status, result = verified(capsys)
    assert status == expected
    assert set(verdicts(result, "bc")) == {verdict}
    assert set(verdicts(result, "qdot")) == set(verdicts(result, "iql")) == {"identical"}
    differences = [row["difference"] for row in result["rows"] if row["algorithm"] == "bc"]
    assert differences == pytest.approx([by] * 3)


def test_the_text_lists_each_row_that_differs(top: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(TABLES, "scores.csv", raised(5000.0))
    assert main(["verify", "tiny"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "results/tiny/compare beside docs/results/mine: differs"
    rows = [line.split() for line in lines if line.startswith("  pendulum-tiny")]
    assert {row[-1] for row in rows} == {"beyond"}
    assert {(row[0], row[1], row[3], row[6]) for row in rows} == {
        ("pendulum-tiny", "bc", protocol, "5000.00") for protocol in ("final", "last", "best")
    }


def test_missing_and_new_rows_are_listed_and_fail_nothing(top: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(TABLES, "scores.csv", lambda frame: frame.replace({"algorithm": {"bc": "new"}}))
    status, result = verified(capsys)
    assert status == 0
    assert set(verdicts(result, "bc")) == {"missing here"}
    assert set(verdicts(result, "new")) == {"not in kept"}


def test_a_failed_cell_is_missing_here(top: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(TABLES, "scores.csv", lambda frame: frame.assign(score=frame["score"].where(frame["algorithm"] != "bc")))
    status, result = verified(capsys)
    assert (status, set(verdicts(result, "bc"))) == (0, {"missing here"})


def test_other_values_are_said_and_their_rows_not_judged(top: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def longer(frame: pd.DataFrame) -> pd.DataFrame:
        changed = (frame["algorithm"] == "bc") & (frame["key"] == "train.steps")
        return frame.assign(value=frame["value"].where(~changed, "400"))

    edit(TABLES, "values.csv", longer)
    edit(TABLES, "scores.csv", raised(5000.0))
    status, result = verified(capsys)
    assert (status, set(verdicts(result, "bc"))) == (0, {"other values"})
    assert [(e["algorithm"], e["key"], e["kept"], e["own"]) for e in result["values"]] == [
        ("bc", "train.steps", "200", "400")
    ]


def test_a_run_with_other_values_throughout_does_not_pass(top: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(TABLES, "values.csv", lambda frame: frame.replace({"value": {"200": "400"}}))
    status, result = verified(capsys)
    assert (status, result["status"]) == (1, "not comparable")


def test_versions_and_verdicts_that_differ_are_listed(top: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(TABLES, "made_with.csv", lambda frame: frame.replace({"value": {"2.13.0": "2.14.0"}}))
    claims = read_json(TABLES / "claims.json")
    write_json(TABLES / "claims.json", [claims[0] | {"verdict": "supported"}, *claims[1:]])
    vouch(TABLES, "claims.json")
    status, result = verified(capsys)
    assert status == 0
    made = [{"stage": s, "field": "versions.torch", "kept": "2.13.0", "own": "2.14.0"} for s in ("evaluate", "train")]
    assert result["made_with"] == made
    assert [(entry["id"], entry["verdict"]) for entry in result["claims"]] == [
        (claims[0]["id"], [claims[0]["verdict"], "supported"])
    ]


def test_a_damaged_kept_file_is_an_error(top: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open(top / "docs/results/mine/scores.csv", "a") as file:
        file.write("\n")
    assert main(["verify"]) == 2
    assert "docs/results/mine: scores.csv missing, or with another SHA-256" in capsys.readouterr().err


def test_damaged_tables_of_ones_own_are_an_error(top: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (TABLES / "scores.csv").unlink()
    assert main(["verify"]) == 2
    assert "results/tiny/compare: scores.csv differ from manifest.json" in capsys.readouterr().err


def test_kept_suites_without_a_run_here_are_named(top: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = top / "docs/results/other"
    shutil.copytree(top / "docs/results/mine", other)
    write_json(other / "kept.json", read_json(other / "kept.json") | {"suite": "quick", "name": "quick"})
    assert main(["verify"]) == 0
    assert "no run here of: docs/results/other (suite quick)" in capsys.readouterr().out
    assert main(["verify", "quick"]) == 2
    assert "nothing to verify of quick" in capsys.readouterr().err


def test_a_subset_is_compared_with_its_suite(top: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (top / "results/subsets").mkdir()
    shutil.move(top / "results/tiny", top / "results/subsets/tiny-0")
    edit(top / "results/subsets/tiny-0/compare", "scores.csv", lambda frame: frame[frame["seed"] == 0])
    status, result = verified(capsys, "tiny-0")
    assert (status, result["own"]) == (0, "results/subsets/tiny-0/compare")
    assert {row["verdict"] for row in result["rows"]} == {"identical"}
    assert {(row["kept_seeds"], row["own_seeds"]) for row in result["rows"]} == {(1, 1)}
