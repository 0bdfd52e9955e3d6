"""The drill of kills, in short: work that is killed at drawn instants ends with the undisturbed work's results."""

import argparse
import csv
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from qdot.stages import runtime

TOP = Path(__file__).parents[2]
Import = Callable[[str, str], ModuleType]


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("chosen", "kills"), [(["--training"], 4), (["--training", "--compiled"], 1), (["--suite", "tiny"], 1)]
)
def test_killed_work_goes_on_to_the_same_results(chosen: list[str], kills: int, tmp_path: Path) -> None:
    command = [sys.executable, "benchmarks/faults/run.py", *chosen, "--kills", str(kills)]
    command += ["--work", str(tmp_path / "work"), "--results", str(tmp_path)]
    done = subprocess.run(
        command, cwd=TOP, env=os.environ | {"PYTHONPATH": "src"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = list(csv.DictReader((tmp_path / "faults-tiny.csv").open()))
    assert len(rows) >= kills
    assert {row["digests"] for row in rows} == {"same"}


def test_the_log_holds_what_was_asked_for_and_no_folder_of_this_machine(import_from: Import) -> None:
    asked = {"suite": "tiny", "training": True, "compiled": False, "kills": 60, "within": None, "seed": 0}
    folders = {"work": Path("/somewhere"), "results": Path("/else")}
    found = import_from("faults", "run").options(argparse.Namespace(**asked, **folders))
    assert found == "--suite tiny --training --kills 60 --seed 0"


def test_a_result_that_differs_is_missing_or_is_new_and_a_file_that_is_left_are_named(import_from: Import) -> None:
    run = import_from("faults", "run")
    whole = {"a.csv": "1", "b.csv": "2"}
    assert run.judge(whole, dict(whole), [], "") == "same"
    found = run.judge(whole, {"a.csv": "0", "c.csv": "3"}, [".a.csv.x"], "exit status 1")
    assert found == "exit status 1; differs: a.csv; differs: b.csv; differs: c.csv; left: .a.csv.x"


def test_frozen_clocks_are_the_same_for_every_run_and_have_what_a_real_one_has(import_from: Import) -> None:
    frozen = import_from("faults", "frozen_runtime")
    real = runtime.runtime(0.0, seed_steps_per_second=7.0, algorithms=["bc"])
    assert set(frozen.runtime(0.0)) == set(real) - {"algorithms"}
    assert frozen.runtime(0.0, algorithms=["bc"]) == frozen.runtime(1.0, algorithms=["iql"], episodes=3)
    assert set(frozen.git_state()) == set(runtime.git_state())


def kill(commit: str, number: int, digests: str = "same", **more: str) -> dict[str, str]:
    found = {"commit": commit, "job": "tiny", "round": str(number), "digests": digests, "seed": "0"}
    return {**found, "stage": "train+transport", "date": "2026-11-27", **more}


def test_the_table_counts_kills_of_each_commit_apart_and_none_of_code_that_was_not_committed(
    import_from: Import,
) -> None:
    page = import_from("faults", "page")
    kills = [kill("a" * 40, 1), kill("a" * 40, 1, stage="data"), kill("a" * 40, 1, "differs: x", seed="3")]
    kills += [kill("b" * 40, 1, date="2026-11-29"), kill("b" * 40, 2), kill("b" * 40 + "-dirty", 3)]
    assert page.rows_of(kills) == [
        [f"`{'a' * 12}`", "tiny", "3", "2", "2", "0, 3", "1", "2026-11-27"],
        [f"`{'b' * 12}`", "tiny", "2", "2", "2", "0", "0", "2026-11-27 to 2026-11-29"],
    ]


def test_the_page_shows_the_logs_that_are_kept(import_from: Import) -> None:
    page = import_from("faults", "page")
    text = page.PAGE.read_text(encoding="utf-8")
    assert page.filled(text) == text


def test_a_folder_of_another_commit_is_made_anew_with_its_undisturbed_results(
    import_from: Import, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenes = import_from("faults", "faults.scenes")
    made: list[Path] = []

    class Empty(scenes.Scene):  # type: ignore[misc, name-defined]
        def make(self) -> None:
            made.append(self.folder)

    def at(commit: str, dirty: bool = False) -> None:
        monkeypatch.setattr(scenes, "git_state", lambda: {"git_commit": commit, "git_dirty": dirty})
        scene = Empty(tmp_path / "scene")
        counts.append((len(made), scene.whole.exists()))
        scene.whole.write_text("{}")

    counts: list[tuple[int, bool]] = []
    for arguments in (("a",), ("a",), ("b",), ("b", True), ("b", True)):
        at(*arguments)
    assert counts == [(1, False), (1, True), (2, False), (3, False), (4, False)]
