"""GPUs are given out one place at a time, given back by whoever ends, and never twice."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qdot import gpus
from qdot.errors import ParamsError

JOB = """
import os, sys
from pathlib import Path
from qdot import gpus
with gpus.leased(Path(sys.argv[1])) as name:
    print(name, os.environ.get("CUDA_VISIBLE_DEVICES"), flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CUDA_VISIBLE_DEVICES", "QDOT_GPUS", "QDOT_GPU_JOBS", *gpus.ASSIGNED):
        monkeypatch.delenv(name, raising=False)


class Running:
    """A job in a process of its own, which holds its lease until it is told."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", JOB, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": "src", **variables},
        )

    def told(self) -> list[str]:
        assert self.process.stdout
        return self.process.stdout.readline().split()

    def end(self) -> None:
        self.process.communicate("\n", timeout=60)


def test_devices_are_those_that_are_visible_then_those_that_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QDOT_GPUS", "3")
    assert gpus.devices() == ["0", "1", "2"]
    monkeypatch.setenv("QDOT_GPU_JOBS", "2")
    assert gpus.places() == 6
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-a1, 5")
    assert gpus.devices() == ["GPU-a1", "5"]
    for none in ("", "-1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", none)
        assert gpus.devices() == []


@pytest.mark.parametrize(("variable", "value"), [("QDOT_GPUS", "two"), ("QDOT_GPU_JOBS", "0")])
def test_a_wrong_number_is_named(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv("QDOT_GPUS", "1")
    monkeypatch.setenv(variable, value)
    with pytest.raises(ParamsError, match=f"{variable}: found '{value}'"):
        gpus.places()


def test_without_a_gpu_and_under_slurm_nothing_is_leased(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QDOT_GPUS", "0")
    with gpus.leased(tmp_path) as name:
        assert name is None
    monkeypatch.setenv("QDOT_GPUS", "2")
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    with gpus.leased(tmp_path) as name:
        assert name is None
    assert "CUDA_VISIBLE_DEVICES" not in os.environ
    assert list(tmp_path.iterdir()) == []


def test_jobs_get_gpus_of_their_own_and_the_next_waits_for_one_that_ends(tmp_path: Path) -> None:
    jobs = []
    for expected in ("0", "1"):
        jobs.append(Running(tmp_path, QDOT_GPUS="2"))
        assert jobs[-1].told() == [expected, expected]
    late = Running(tmp_path, QDOT_GPUS="2")
    time.sleep(3 * gpus.WAIT)
    assert late.process.poll() is None
    jobs[1].process.kill()  # as a job that dies, which gives nothing back itself
    jobs[1].process.communicate()
    assert late.told() == ["1", "1"]
    jobs[0].end()
    late.end()


def test_jobs_share_gpus_evenly_where_several_fit(tmp_path: Path) -> None:
    jobs, told = [], []
    for _ in range(4):
        jobs.append(Running(tmp_path, CUDA_VISIBLE_DEVICES="4,7", QDOT_GPU_JOBS="2"))
        told.append(jobs[-1].told()[1])
    assert told == ["4", "7", "4", "7"]
    for job in jobs:
        job.end()


def test_what_was_visible_before_is_so_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    with gpus.leased(tmp_path) as name:
        assert (name, os.environ["CUDA_VISIBLE_DEVICES"]) == ("4", "4")
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "4,7"
