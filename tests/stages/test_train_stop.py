"""`qdot train` that is stopped from outside, and started again: the same files as without."""

import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from training_job import TrainingJob

from qdot.training import resume

STEPS = {"steps": 1500, "evaluate_every": 300}


def stop(job: TrainingJob, number: signal.Signals, workers: int) -> int:
    """Start the job, and signal it after it has saved, as Ctrl-C does all its processes; returns its status."""
    process = start_until_saved(job, workers)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    process.communicate()
    assert not list(job.top.glob("results/**/manifest.json"))
    return process.returncode


def start_until_saved(job: TrainingJob, workers: int) -> "subprocess.Popen[bytes]":
    """Start the job, and wait until it has saved, and every seed has a saving, of this start or the one before."""
    began, saved = time.time(), [folder / resume.NAME for folder in job.folders]
    process = job.start(workers)
    while process.poll() is None:
        if all(path.is_file() for path in saved) and any(path.stat().st_mtime > began for path in saved):
            break
        time.sleep(0.02)
    return process


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What the job leaves that nobody stopped."""
    with pytest.MonkeyPatch.context() as patch:
        job = TrainingJob(tmp_path_factory.mktemp("undisturbed") / "whole", patch, **STEPS)
        job.end(workers=1)
        return job.contents()


@pytest.mark.parametrize(("number", "workers"), [(signal.SIGTERM, 1), (signal.SIGTERM, 2), (signal.SIGINT, 2)])
def test_a_job_that_is_stopped_by_any_signal_goes_on_to_the_same_files(
    number: signal.Signals,
    workers: int,
    undisturbed: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stopped = TrainingJob(tmp_path / "stopped", monkeypatch, **STEPS)
    assert stop(stopped, number, workers) == 143
    assert stop(stopped, signal.SIGKILL, workers) == -signal.SIGKILL
    assert "going on from step" in stopped.end(workers)
    assert stopped.contents() == undisturbed
    assert set(stopped.statuses()) == {"ok"}


def test_a_training_process_that_the_system_ends_fails_its_cells_and_the_next_run_goes_on(
    undisturbed: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = TrainingJob(tmp_path / "ended", monkeypatch, **STEPS)
    process = start_until_saved(job, workers=2)
    trains = [child for child in psutil.Process(process.pid).children() if "spawn_main" in " ".join(child.cmdline())]
    assert len(trains) == 2
    trains[0].kill()
    _, printed = process.communicate()
    assert process.returncode == 0, printed.decode()
    assert set(job.statuses()) == {"failed"}
    assert "a training process was ended from outside: too little memory?" in job.reason()
    assert "\n[train] going on from step" in job.end(workers=2)
    assert job.contents() == undisturbed


def test_two_checkouts_that_share_their_results_train_each_cell_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second waits for the first, and finds nothing to do."""
    few = {"steps": 100, "evaluate_every": 50}
    whole = TrainingJob(tmp_path / "whole", monkeypatch, ["bc"], **few)
    whole.end(workers=1)
    monkeypatch.setenv("QDOT_RESULTS", str(tmp_path / "shared"))
    jobs = [TrainingJob(tmp_path / name, monkeypatch, ["bc"], **few) for name in ("one", "two")]
    processes = [job.start() for job in jobs]
    printed = [process.communicate()[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sorted("training bc" in text for text in printed) == [False, True]
    assert sum("nothing to do: 2 seeds are current" in text for text in printed) == 1
    assert jobs[0].contents() == jobs[1].contents() == whole.contents()
    assert jobs[0].left() == []
