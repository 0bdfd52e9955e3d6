"""Rollouts beside training: neither a saving nor a stop waits for them, and each is made in the end."""

import multiprocessing
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gated_robots import BROKEN, GATED, SHUT, VARIABLE
from training_job import TrainingJob

from qdot.algorithms.bc import BC
from qdot.errors import ResultsError
from qdot.stages import batches, evaluations
from qdot.stages.cells import Job, find_ready
from qdot.stages.evaluations import Evaluations
from qdot.training import generations
from qdot.training.resume import Saved

STEPS, EVERY = 400, 100
VALUES = {"steps": STEPS, "evaluate_every": EVERY, "evaluate_episodes": 2}


@pytest.fixture
def gates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder whose files shut the gates of the robots that have some."""
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    return tmp_path


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., TrainingJob]:
    return lambda name, steps=STEPS: TrainingJob(
        tmp_path / name, monkeypatch, ["bc"], GATED, **{**VALUES, "steps": steps}
    )


def saved(job: TrainingJob) -> list[Saved]:
    """The last saving of each seed that has one."""
    (made,) = Job.read(job.recipes[1:], list(job.study.seeds), [folder / "manifest.json" for folder in job.folders])
    found = (generations.last(folder, made.identity(seed)) for seed, folder in made.directories.items())
    return [one for one in found if one is not None]


def wait_until(process: "subprocess.Popen[bytes]", is_so: Callable[[], bool]) -> None:
    while not is_so():
        assert process.poll() is None, process.communicate()[1].decode()
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("has_ended", [False, True])
def test_neither_a_saving_nor_a_stop_waits_for_rollouts_and_they_are_made_later(
    number: signal.Signals, has_ended: bool, gates: Path, make: Callable[..., TrainingJob]
) -> None:
    """The gate is shut for good, so what waited for a rollout would never end; stopped while training or after it."""
    steps = STEPS if has_ended else 10**6
    whole, stopped = make("whole"), make("stopped", steps)
    whole.end(workers=1)
    (gates / SHUT).write_text("0")
    process = stopped.start()

    def waits() -> bool:
        found = saved(stopped)
        return len(found) == len(stopped.folders) and all(one.pending for one in found)

    wait_until(process, lambda: waits() and (not has_ended or {one.step for one in saved(stopped)} == {STEPS}))
    process.send_signal(number)
    process.communicate()
    assert process.returncode == (143 if number == signal.SIGTERM else -signal.SIGKILL)
    assert all(one.evaluations == [] and one.pending[0] == EVERY for one in saved(stopped))
    if not has_ended:
        return  # it has a million steps
    (gates / SHUT).unlink()
    stopped.end(workers=1)
    assert stopped.contents() == whole.contents()
    assert set(stopped.statuses()) == {"ok"}
