"""Rollouts beside training: neither a saving nor a stop waits for them, and each is made in the end."""

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from gated_robots import BROKEN, GATED, SHUT, VARIABLE
from training_job import TrainingJob

from qdot.algorithms.bc import BC
from qdot.stages import evaluations
from qdot.stages.cells import Job
from qdot.training import generations
from qdot.training.resume import Saved

STEPS, EVERY = 2000, 500
VALUES = {"steps": STEPS, "evaluate_every": EVERY, "evaluate_episodes": 2}
MakeJob = Callable[[str], TrainingJob]


@pytest.fixture
def gates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder whose files shut the gates of the robots that have some."""
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    return tmp_path


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeJob:
    """A job of one algorithm in a new folder, whose evaluations stop at gates."""
    return lambda name: TrainingJob(tmp_path / name, monkeypatch, ["bc"], GATED, **VALUES)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What such a job leaves when every gate is open."""
    top = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(top))
        job = TrainingJob(top / "job", patch, ["bc"], GATED, **VALUES)
        assert job.run() == 0
        return job.contents()


def saved(job: TrainingJob) -> list[Saved]:
    """The last saving of each seed that has one."""
    (made,) = Job.read(job.recipes[1:], list(job.study.seeds), [folder / "manifest.json" for folder in job.folders])
    found = (generations.last(folder, made.identity(seed)) for seed, folder in made.directories.items())
    return [one for one in found if one is not None]


def wait_until(process: "subprocess.Popen[bytes]", is_so: Callable[[], bool]) -> None:
    """Look again and again; a process that ended is an error."""
    while not is_so():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("least", [EVERY, STEPS])
def test_neither_a_saving_nor_a_stop_waits_for_rollouts_and_they_are_made_later(
    number: signal.Signals, least: int, gates: Path, make: MakeJob, whole: dict[str, bytes]
) -> None:
    """The gate is shut for good, so what waited for a rollout would never end: while it trains, and after its end."""
    stopped = make("stopped")
    (gates / SHUT).write_text("0")
    process, seeds = stopped.start(), len(stopped.folders)
    wait_until(process, lambda: sum(one.step >= least and bool(one.pending) for one in saved(stopped)) == seeds)
    process.send_signal(number)
    process.communicate()
    assert process.returncode == (143 if number == signal.SIGTERM else -signal.SIGKILL)
    for one in saved(stopped):
        assert one.evaluations == []
        assert list(one.pending) == list(range(EVERY, one.step + 1, EVERY))
    (gates / SHUT).unlink()
    stopped.end(workers=1)
    assert stopped.contents() == whole
    assert set(stopped.statuses()) == {"ok"}


def test_a_seed_whose_rollouts_failed_takes_no_step_again(
    gates: Path, make: MakeJob, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make("job")
    (gates / BROKEN).touch()
    assert job.run() == 0
    assert set(job.statuses()) == {"failed"}
    assert "RuntimeError: the robot is broken" in job.manifests()[0]["reason"]["error"]
    (gates / BROKEN).unlink()
    steps: list[int] = []
    plain = BC.update
    monkeypatch.setattr(BC, "update", lambda self, batch, step: steps.append(step) or plain(self, batch, step))
    assert job.run() == 0
    assert steps == []
    assert (job.contents(), job.left()) == (whole, [])


def test_policies_that_wait_need_their_environment(gates: Path, make: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    job = make("job")
    (gates / BROKEN).touch()
    assert job.run() == 0
    (gates / BROKEN).unlink()
    monkeypatch.setattr(evaluations, "is_available", lambda environment: (False, "it is gone"))
    assert job.run() == 0
    assert (
        "policies wait to be rolled out, and the environment is not installed" in job.manifests()[0]["reason"]["error"]
    )
