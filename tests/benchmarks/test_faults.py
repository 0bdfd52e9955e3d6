"""The drill of kills, in short: work that is killed at drawn instants ends with the undisturbed work's results."""

import csv
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

TOP = Path(__file__).parents[2]
Import = Callable[[str, str], ModuleType]


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("chosen", "kills"), [(["--training"], 4), (["--suite", "tiny"], 2)])
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


def test_a_result_that_differs_is_missing_or_is_new_and_a_file_that_is_left_are_named(import_from: Import) -> None:
    run = import_from("faults", "run")
    whole = {"a.csv": "1", "b.csv": "2"}
    assert run.judge(whole, dict(whole), [], "") == "same"
    found = run.judge(whole, {"a.csv": "0", "c.csv": "3"}, [".a.csv.x"], "exit status 1")
    assert found == "exit status 1; differs: a.csv; differs: b.csv; differs: c.csv; left: .a.csv.x"
