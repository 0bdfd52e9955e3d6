"""`qdot compare A B`: what differs is found wherever the two runs lie, and what is not at hand is said."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fake_study import TOP
from kept_run import edit, finished
from scipy import stats

from qdot.cli import main
from qdot.provenance import read_json, write_json
from qdot.stages import keep, tables
from qdot.study import Study

RESULTS, KEPT = Path("results/tiny/compare"), "docs/results/mine"
LOCK = "stages:\n  compare:\n    cmd: 'true'\n    outs:\n    - {path: PATH, hash: md5, md5: 0123456789abcdef.dir}\n"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Study:
    study = finished(tmp_path_factory.mktemp("run"))
    keep.run("tiny", study.root / KEPT, False, study.root)
    return study


@pytest.fixture
def top(run: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a run, and the same run kept and committed."""
    for name in ("docs", "results", "workflow"):
        shutil.copytree(run.root / name, tmp_path / name)
    shutil.copy(TOP / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    Path(".gitignore").write_text("/results\n")
    command("git", "init", "--quiet", "--initial-branch=main")
    command("git", "config", "user.email", "test@example.org")
    command("git", "config", "user.name", "Test")
    commit("kept")
    return tmp_path


def command(*words: str) -> None:
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, env=os.environ | {"DVC_NO_ANALYTICS": "1"}
    )
    assert done.returncode == 0, done.stderr


def commit(message: str) -> None:
    command("git", "add", "--all")
    command("git", "commit", "--quiet", "--message", message)


def compared(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["compare", "--json", *arguments]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["compare", *arguments]) == 2
    return capsys.readouterr().err


def shifted(frame: pd.DataFrame) -> pd.DataFrame:
    """BC's seed 0 raised by 1, its seed 1 by 3."""
    by = (1.0 + 2.0 * frame["seed"]) * (frame["algorithm"] == "bc")
    return frame.assign(score=frame["score"] + by)


def test_a_difference_is_paired_over_seeds(top: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(RESULTS, "scores.csv", shifted)
    found = compared(capsys, KEPT, "tiny")
    rows = {(row["algorithm"], row["readout"]): row for row in found["rows"]}
    half = stats.t.ppf(0.975, 1)  # of 1 and 3: mean 2, standard error 1
    assert rows["bc", "policy"]["difference"] == pytest.approx({"value": 2.0, "low": 2.0 - half, "high": 2.0 + half})
    assert rows["qdot", "map"]["difference"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert {row["how"] for row in found["rows"]} == {"paired"}
    assert {row["protocol"] for row in found["rows"]} == {"final"}
    mean = pd.read_csv(RESULTS / "scores.csv").query("algorithm == 'bc' and protocol == 'final'")["score"].mean()
    assert rows["bc", "policy"]["b"]["value"] == pytest.approx(mean)
    assert found["only_in_a"] == found["only_in_b"] == found["values"] == []
    assert (found["a"], found["b"]) == (f"{KEPT} (kept run of suite tiny)", "results/tiny/compare")


def test_the_text_has_each_row_and_says_how_it_was_compared(top: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(RESULTS, "scores.csv", lambda frame: shifted(frame)[lambda f: (f["algorithm"] != "iql") | (f["seed"] == 0)])
    assert main(["compare", "tiny", KEPT]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {tuple(line.split()[1:3]): line for line in lines if line.startswith("  pendulum-tiny")}
    assert rows["bc", "policy"].endswith("-2.00 [-14.71, 10.71]  paired")
    assert rows["iql", "policy"].endswith("  Welch")
    assert "(1)" in rows["iql", "policy"]
    assert any(line.startswith("  Welch: the runs have other seeds") for line in lines)
    assert any("differences leave out 0; about" in line for line in lines)


def test_what_one_run_lacks_and_values_that_differ_are_listed(top: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(RESULTS, "scores.csv", lambda frame: frame.replace({"algorithm": {"bc": "new"}}))
    edit(RESULTS, "values.csv", lambda frame: frame.replace({"value": {"200": "400"}}))
    assert main(["compare", KEPT, "tiny"]) == 0
    text = capsys.readouterr().out
    assert "with a score in A only:\n    pendulum-tiny bc policy final score (2)\n" in text
    assert "with a score in B only:\n    pendulum-tiny new policy final score (2)\n" in text
    assert "values that differ (A -> B):\n    train.steps: 200 -> 400 (3 dataset and algorithm)" in text


def test_a_failed_cell_is_no_number(top: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(RESULTS, "scores.csv", lambda frame: frame.assign(score=frame["score"].where(frame["algorithm"] != "bc")))
    found = compared(capsys, KEPT, "tiny")
    assert {row["algorithm"] for row in found["only_in_a"]} == {"bc"}
    assert {row["algorithm"] for row in found["rows"]} == {"qdot", "iql"}


def test_a_subset_and_another_protocol(top: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree("results/tiny", "results/subsets/tiny-0")
    edit(Path("results/subsets/tiny-0/compare"), "scores.csv", shifted)
    found = compared(capsys, "tiny", "tiny-0", "--protocol", "best", "--dataset", "pendulum-tiny")
    assert found["b"] == "results/subsets/tiny-0/compare"
    assert {row["protocol"] for row in found["rows"]} == {"best"}
    assert [row["difference"]["value"] for row in found["rows"] if row["algorithm"] == "bc"] == pytest.approx([2.0])


def test_kept_tables_of_a_commit_are_read_from_git(top: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(RESULTS, "scores.csv", shifted)
    shutil.rmtree(KEPT)
    commit("gone")
    found = compared(capsys, f"HEAD~1:{KEPT}/", "tiny")
    assert [row["difference"]["value"] for row in found["rows"] if row["algorithm"] == "bc"] == pytest.approx([2.0])
    assert "(kept run of suite tiny)" in found["a"]
    assert f" {KEPT} at " in f" {found['a']}"
    message = refused(capsys, f"HEAD:{KEPT}", "tiny")
    assert "dvc.lock records no tables; kept folders: none" in message
    assert KEPT in refused(capsys, "HEAD~1:quick", "tiny")


def test_kept_tables_of_a_commit_that_are_not_as_recorded_are_refused(
    top: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open(f"{KEPT}/scores.csv", "a") as file:
        file.write("\n")
    commit("damaged")
    assert "scores.csv: another SHA-256 than kept.json records" in refused(capsys, f"HEAD:{KEPT}", "tiny")
    Path(f"{KEPT}/values.csv").unlink()
    commit("lost")
    assert "keeps no values.csv" in refused(capsys, f"HEAD:{KEPT}", "tiny")


def test_tables_of_a_commit_come_from_dvcs_cache(top: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stage = {"cmd": "true", "outs": [{str(RESULTS): {"persist": True}}]}
    Path("dvc.yaml").write_text(json.dumps({"stages": {"compare": stage}}))
    dvc = (sys.executable, "-m", "dvc")
    command(*dvc, "init", "--quiet")
    command(*dvc, "repro", "--quiet")
    commit("ran")
    edit(RESULTS, "scores.csv", shifted)
    found = compared(capsys, "HEAD:tiny", "tiny")
    assert found["a"].startswith("results/tiny/compare at ")
    assert [row["difference"]["value"] for row in found["rows"] if row["algorithm"] == "bc"] == pytest.approx([2.0])
    shutil.rmtree(".dvc/cache")
    message = refused(capsys, "HEAD:tiny", "tiny")
    assert "dvc.lock records it, and DVC could not get its files (ERROR" in message
    assert "run `dvc push`" in message


def test_a_commit_whose_lock_records_another_suite_says_which(top: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("dvc.lock").write_text(LOCK.replace("PATH", "results/quick/compare"))
    commit("another")
    assert "dvc.lock records results/quick/compare; kept folders: docs/results/mine" in refused(
        capsys, "HEAD:tiny", "tiny"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tiny",), "found 1 runs (tiny), expected two, or --recipe"),
        ((), "found 0 runs (none), expected two, or --recipe"),
        (("tiny", "tiny", "tiny"), "found 3 runs"),
        (("tiny", "nope"), "suites with tables under results: tiny"),
        (("tiny", "docs/results/none"), "or name a folder with a kept.json: docs/results/mine"),
        (("tiny", "nope:tiny"), "git knows no commit 'nope' here"),
        (("tiny", "tiny", "--protocol", "median"), "unknown protocol 'median'; expected one of: final, last"),
        (("tiny", "tiny", "--protocol", "mean10"), "protocols with scores: A final, last, best; B final, last, best"),
        (("tiny", "tiny", "--dataset", "hopper"), "unknown dataset with a score 'hopper'; expected one of: pendulum"),
        (("tiny", "tiny", "--recipe", "r.json"), "found --recipe beside what compares two runs"),
        (("--json", "--recipe", "r.json"), "found --recipe beside what compares two runs"),
    ],
)
def test_what_cannot_be_compared_says_why(
    top: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    assert message in refused(capsys, *arguments)


def test_damaged_tables_are_an_error(top: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (RESULTS / "values.csv").write_text("")
    assert "results/tiny/compare: values.csv differ from manifest.json" in refused(capsys, "tiny", KEPT)


def test_raw_returns_stand_in_where_no_score_is_defined(top: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(RESULTS, "scores.csv", lambda frame: frame.assign(score=float("nan")))
    shutil.copytree("results/tiny", "results/other")
    edit(Path("results/other/compare"), "returns.csv", lambda frame: frame.assign(**{"return": frame["return"] + 7}))
    found = compared(capsys, "tiny", "other")
    assert {row["quantity"] for row in found["rows"]} == {"return"}
    assert [row["difference"]["value"] for row in found["rows"]] == pytest.approx([7.0] * len(found["rows"]))


def test_with_a_recipe_it_is_the_stage(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []
    monkeypatch.setattr(tables, "compare", asked.append)
    assert main(["compare", "--recipe", "recipe.json", "--log", "compare.log"]) == 0
    assert asked == [Path("recipe.json")]


def test_a_partial_kept_run_says_so(top: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_json(Path(KEPT) / "kept.json", read_json(Path(KEPT) / "kept.json") | {"status": "partial"})
    assert compared(capsys, KEPT, "tiny")["a"] == f"{KEPT} (kept run of suite tiny, partial)"
