"""What the Snakefile asks of the machine and of its command line."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from qdot import machine
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
