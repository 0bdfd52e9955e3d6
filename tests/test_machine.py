"""What the Snakefile asks of the machine and of its command line."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from qdot import gpus, machine
from qdot.errors import QdotError
from qdot.machine import spoken_of

TOP = Path(__file__).parents[1]
SUITES = ("quick", "tiny", "shift")


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("snakemake -n quick", ["quick"]),
        ("snakemake --cores all", []),
        ("snakemake --cores 2 results/tiny/compare/scores.csv", ["tiny"]),
        ("snakemake quick_report_all tiny", ["quick", "tiny"]),
        ("snakemake --config suite=shift", ["shift"]),
        ("snakemake quicker makeshift", []),
        ("snakemake --lint", ["quick", "tiny", "shift"]),
        ("snakemake --list", ["quick", "tiny", "shift"]),
    ],
)
def test_a_suite_is_read_where_the_command_line_speaks_of_it(command: str, named: list[str]) -> None:
    assert spoken_of(SUITES, command.split()) == named


def test_a_second_run_in_a_checkout_waits_for_the_first(tmp_path: Path) -> None:
    """`workflow/run`, with a program in Snakemake's place that notes its start and ends when it may."""
    (tmp_path / "workflow").mkdir()
    (tmp_path / "bin").mkdir()
    shutil.copy(TOP / "workflow/run", tmp_path / "workflow/run")
    program, began, may_end = tmp_path / "bin/snakemake", tmp_path / "began", tmp_path / "may_end"
    program.write_text(f"#!/bin/sh\necho x >> {began}\nwhile [ ! -e {may_end} ]; do sleep 0.05; done\n")
    program.chmod(0o755)
    variables = os.environ | {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}
    runs = [subprocess.Popen([tmp_path / "workflow/run"], env=variables, stderr=subprocess.PIPE, text=True)]
    while not began.exists():
        time.sleep(0.02)
    runs.append(subprocess.Popen([tmp_path / "workflow/run"], env=variables, stderr=subprocess.PIPE, text=True))
    assert runs[1].stderr is not None
    assert "another run holds this checkout" in runs[1].stderr.readline()
    with pytest.raises(QdotError, match="another run holds this checkout"):
        machine.hold_checkout(tmp_path)
    assert began.read_text() == "x\n"
    may_end.touch()
    for run in runs:
        run.communicate()
    assert [run.returncode for run in runs] == [0, 0]
    assert began.read_text() == "x\nx\n"


@pytest.mark.parametrize(
    ("cores", "datasets", "algorithms", "expected"),
    [
        (2, 1, 6, 2),  # nothing else to do: both train
        (2, 2, 6, 1),
        (2, 3, 6, 1),  # dealt out, every job trains its critics twice; the core left at the end has evaluations to play
        (2, 18, 8, 1),
        (16, 18, 8, 2),
        (8, 1, 3, 3),
    ],
)
def test_cores_are_dealt_out_to_a_training_job_where_others_have_nothing_to_do(
    cores: int, datasets: int, algorithms: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpus, "devices", list)
    assert machine.training_threads(cores, datasets, algorithms, 1) == expected


@pytest.mark.parametrize(
    ("cores", "datasets", "devices", "expected"),
    [(1, 1, [], 1), (2, 1, [], 2), (2, 3, [], 1), (16, 3, [], 2), (16, 18, ["0"], 2), (None, 18, [], 2)],
)
def test_an_evaluation_has_two_cores_unless_datasets_share_them_with_training(
    cores: int | None, datasets: int, devices: list[str], expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpus, "devices", lambda: devices)
    assert machine.evaluation_threads(cores, datasets) == expected
