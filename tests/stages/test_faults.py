"""What befalls a job, injected: nothing is silently wrong, the next run ends with the same files (docs/faults.md)."""

import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import torch
from fake_study import new_study
from injected import Killed, Writes, hang
from training_job import TrainingJob

from qdot import provenance
from qdot.algorithms.bc import BC
from qdot.cli import main
from qdot.evaluation.compare import compare
from qdot.frames import read_csv
from qdot.provenance import find_json
from qdot.recipes import evaluate_recipe, train_recipe
from qdot.stages import limit
from qdot.stages.cells import Job
from qdot.training import loop, resume

FEW = {"steps": 40, "evaluate_every": 0, "log_every": 10}
MakeJob = Callable[..., TrainingJob]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeJob:
    """A short job of one algorithm, or more, in a new folder."""
    return lambda name="job", algorithms=("bc",): TrainingJob(tmp_path / name, monkeypatch, algorithms, **FEW)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What the short job of BC leaves when nothing befalls it."""
    with pytest.MonkeyPatch.context() as patch:
        job = TrainingJob(tmp_path_factory.mktemp("undisturbed") / "job", patch, ["bc"], **FEW)
        assert job.run() == 0
        assert job.left() == []
        return job.contents()


def number_of_writes(job: TrainingJob) -> int:
    with pytest.MonkeyPatch.context() as patch:
        writes = Writes(patch)
        assert job.run() == 0
    return writes.count


@pytest.mark.parametrize(
    "error",
    [Killed(), OSError(errno.ENOSPC, "No space left on device"), OSError(errno.EIO, "Input/output error")],
    ids=["killed", "disk full", "input/output error"],
)
def test_a_job_that_breaks_at_any_write_goes_on_to_the_same_files(
    error: BaseException, make: MakeJob, whole: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    job = make()
    count = number_of_writes(job)
    assert count >= 12  # two seeds: where it ended, curve, policy, state, evaluations, clocks, manifest
    for broken in range(1, count + 1):
        for folder in job.folders:
            (folder / "manifest.json").unlink()
        capsys.readouterr()
        with pytest.MonkeyPatch.context() as patch:
            Writes(patch, broken, error)
            try:
                status = job.run()
            except Killed:
                status = None
        manifests = [find_json(folder / "manifest.json") or {"status": "missing"} for folder in job.folders]
        statuses = [manifest["status"] for manifest in manifests]
        if status is not None:
            assert str(error.args[1]) in capsys.readouterr().err
            assert status == 2 or "failed" in statuses
        assert "ok" not in statuses or statuses.count("ok") < 2
        assert job.run() == 0
        assert (job.contents(), job.left()) == (whole, [])


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """A disk of its own for results, at `tmp_path/disk`; called, it changes the mount's options."""
    folder = tmp_path / "disk"
    folder.mkdir()
    monkeypatch.setenv("QDOT_RESULTS", str(folder / "results"))

    def mount(options: str) -> int:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        try:
            return subprocess.run(command, capture_output=True, check=False).returncode
        except FileNotFoundError:
            return 1

    if mount("size=64m"):
        pytest.skip("mounting a small disk needs root")
    try:
        yield lambda options: subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("size", [4, 32, 64])
def test_a_full_disk_is_said_and_with_space_the_job_goes_on(
    size: int,
    disk: Callable[[str], None],
    make: MakeJob,
    whole: dict[str, bytes],
    capsys: pytest.CaptureFixture[str],
) -> None:
    job = make()
    disk(f"size={size}k")
    job.run()
    assert "No space left on device" in capsys.readouterr().err
    assert not all((find_json(folder / "manifest.json") or {}).get("status") == "ok" for folder in job.folders)
    disk("size=64m")
    assert job.run() == 0
    assert (job.contents(), job.left()) == (whole, [])


def test_a_disk_that_cannot_be_written_is_named(
    disk: Callable[[str], None], make: MakeJob, capsys: pytest.CaptureFixture[str]
) -> None:
    job = make()
    disk("ro")
    assert job.run() == 2
    said = capsys.readouterr().err
    assert "disk/results" in said
    assert "Read-only file system" in said


def flip(path: Path, at: float) -> None:
    """Change one bit of a file's byte, at a share of its length; its time stamp stays."""
    before, content = path.stat(), bytearray(path.read_bytes())
    content[int(at * (len(content) - 1))] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def cut(path: Path, at: float) -> None:
    """Keep a share of a file."""
    path.write_bytes(path.read_bytes()[: int(at * path.stat().st_size)])


@pytest.mark.parametrize("damage", [flip, cut])
@pytest.mark.parametrize("name", ["policy.safetensors", "state.safetensors", "curve.csv", "manifest.json"])
def test_a_damaged_result_is_made_again(
    name: str, damage: Callable[[Path, float], None], make: MakeJob, whole: dict[str, bytes]
) -> None:
    job = make()
    for at in (0.0, 0.3, 0.62, 0.95):
        assert job.run() == 0
        damage(job.folders[1] / name, at)
        assert job.run() == 0
        assert job.contents() == whole


def test_every_byte_of_a_manifest_is_under_its_seal(make: MakeJob) -> None:
    job = make()
    job.run()
    path = job.folders[0] / "manifest.json"
    content, good = path.read_bytes(), find_json(path)
    for index in range(0, len(content), 7):
        path.write_bytes(content[:index] + bytes([content[index] ^ 1]) + content[index + 1 :])
        found = find_json(path)
        assert found is None or {key: found.get(key) for key in good if key != provenance.SEAL} == {
            key: value for key, value in good.items() if key != provenance.SEAL
        }


@pytest.mark.parametrize("at", [0.001, 0.01, 0.1, 0.5, 0.9, 1.0])
def test_a_damaged_place_to_go_on_from_is_not_gone_on_from(
    at: float,
    make: MakeJob,
    whole: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    job = make()
    with monkeypatch.context() as patch:
        patch.setattr(loop, "_write", _killed)
        patch.setenv("QDOT_SAVE_SECONDS", "0")
        with pytest.raises(Killed):
            job.run()
    flip(job.folders[0] / resume.NAME, at)
    assert job.run() == 0
    assert "resume.safetensors: is damaged" in capsys.readouterr().err
    assert (job.contents(), job.left()) == (whole, [])


def _killed(*_: object) -> None:
    raise Killed


def test_seeds_that_end_apart_were_trained_together(
    make: MakeJob, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A seed whose mate was finished when the job was killed takes no step alone."""
    job = make()
    last = number_of_writes(job)  # a manifest's
    for folder in job.folders:
        (folder / "manifest.json").unlink()
    with monkeypatch.context() as patch:
        Writes(patch, last, Killed())
        with pytest.raises(Killed):
            job.run()
    assert [(folder / "manifest.json").exists() for folder in job.folders] == [True, False]
    steps: list[int] = []
    plain = BC.update
    monkeypatch.setattr(BC, "update", lambda self, batch, step: steps.append(step) or plain(self, batch, step))
    assert job.run() == 0
    assert steps == []
    assert job.contents() == whole


def test_damaged_data_are_not_trained_on(make: MakeJob, whole: dict[str, bytes]) -> None:
    job = make()
    flip(job.data / "arrays.safetensors", 0.7)
    assert job.run() == 0
    assert set(job.statuses()) == {"failed"}
    assert "arrays.safetensors: is not what manifest.json records; delete the folder and prepare again" in job.reason()
    assert main(["gate", *(str(folder / "manifest.json") for folder in job.folders)]) == 1
    assert job.prepare() == 0  # finds it by digest
    assert job.run() == 0
    assert job.contents() == whole


def test_data_whose_manifest_was_killed_before_it_was_whole_are_prepared_again(
    make: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make()
    path = job.data / "manifest.json"
    before = path.read_bytes()
    path.unlink()
    with monkeypatch.context() as patch:
        patch.setattr(provenance, "write_manifest", _killed)
        with pytest.raises(Killed):
            job.prepare()
    assert path.is_file()
    assert job.prepare() == 0
    assert path.read_bytes() == before


def test_a_damaged_policy_is_not_evaluated_and_its_mates_are(make: MakeJob) -> None:
    job = make()
    job.run()
    flip(job.folders[1] / "policy.safetensors", 0.5)
    recipe = job.top / "evaluate.json"
    provenance.write_json(recipe, evaluate_recipe(job.study, "pendulum-tiny", "bc"))
    manifests = [job.top / job.study.evaluate_dir("pendulum-tiny", "bc", seed) / "manifest.json" for seed in (0, 1)]
    assert main(["evaluate", "--recipe", str(recipe), "--seeds", "0,1", *map(str, manifests)]) == 0
    first, second = map(provenance.read_json, manifests)
    assert (first["status"], second["status"]) == ("ok", "failed")
    assert "policy.safetensors differ from the manifest; the next run trains it again" in second["reason"]["error"]


def test_an_algorithm_without_memory_fails_alone_and_goes_on_from_where_it_was(
    make: MakeJob, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = BC.update

    def starved(self: BC, batch: object, step: int) -> dict[str, torch.Tensor]:
        if step == 25:
            raise MemoryError("cannot allocate 40 GiB")
        return plain(self, batch, step)

    job = make("job", ("iql", "bc"))
    monkeypatch.setenv("QDOT_SAVE_SECONDS", "0")
    with monkeypatch.context() as patch:
        patch.setattr(BC, "update", starved)
        assert job.run() == 0
    assert job.statuses() == ["ok", "ok", "failed", "failed"]
    reason = job.manifests()[2]["reason"]
    assert reason["error"] == "MemoryError: cannot allocate 40 GiB"
    steps: list[int] = []
    monkeypatch.setattr(BC, "update", lambda self, batch, step: steps.append(step) or plain(self, batch, step))
    assert job.run() == 0
    assert steps == list(range(25, 40))
    assert {name: content for name, content in job.contents().items() if name.startswith("bc/")} == whole


def test_a_job_that_hangs_is_ended_with_all_it_started_and_its_cells_say_so(
    make: MakeJob, whole: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make()
    with monkeypatch.context() as patch:
        started_by_it = hang(patch, tmp_path, "1.5")
        assert job.run() == 0
    assert set(job.statuses()) == {"failed"}
    assert job.reason() == (
        "ResultsError: ended after 1.5 s, the limit that QDOT_JOB_SECONDS sets: it hung, or needs a larger limit"
    )
    started = int(started_by_it.read_text())
    assert not psutil.pid_exists(started) or psutil.Process(started).status() == psutil.STATUS_ZOMBIE
    assert job.run() == 0
    assert job.contents() == whole


def test_a_wrong_limit_is_refused(
    make: MakeJob, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job = make()
    monkeypatch.setenv(limit.VARIABLE, "soon")
    assert job.run() == 2
    assert "QDOT_JOB_SECONDS: found 'soon', expected seconds, a positive number" in capsys.readouterr().err


def test_a_failure_that_quotes_a_name_in_no_encoding_is_reported(tmp_path: Path) -> None:
    study = new_study(tmp_path, "tiny", dataset="pendulum-tiny", algorithm="bc", seed="0")
    cell = next(iter(study.cells()))
    recipe, folder = train_recipe(study, cell.dataset, cell.algorithm), study.cell_dir("train", cell)
    name = os.fsdecode(b"caf\xe9.hdf5")  # Latin-1
    Job(recipe, {0: folder}).fail(0, OSError(f"cannot open {name}"))
    compare(study)
    (reason,) = read_csv(study.compare_dir / "cells.csv", ["reason", "stage"]).query("stage == 'train'")["reason"]
    assert r"caf\udce9.hdf5" in reason
