"""What a killed collection left goes with the last job that works beside it, and never while its owner is there."""

from pathlib import Path

import pytest
from injected import Killed
from training_job import TrainingJob

from qdot.data import collect
from qdot.stages.leftovers import COLLECTING, raw_shared


def left(raw: Path) -> list[str]:
    return [path.name for path in raw.glob(COLLECTING)]


def test_what_a_killed_collection_left_is_gone_after_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = TrainingJob(tmp_path / "job", monkeypatch, ["bc"])
    raw, manifest = job.top / "data/raw", job.data / "manifest.json"
    before = manifest.read_bytes()

    class Uncleaned:
        """A temporary folder whose process is gone before it could delete it."""

        def __init__(self, dir: Path, prefix: str) -> None:
            self.folder = dir / f"{prefix}killed"

        def __enter__(self) -> str:
            self.folder.mkdir()
            (self.folder / "part.hdf5").write_bytes(b"part")
            raise Killed

        def __exit__(self, *_: object) -> None: ...

    manifest.unlink()
    with monkeypatch.context() as patch, raw_shared(raw):  # beside another job: nobody may clean up
        patch.setattr(collect.tempfile, "TemporaryDirectory", Uncleaned)
        with pytest.raises(Killed):
            job.prepare()
        assert left(raw) == [".collect-killed"]
    (raw / ".collect-killed").mkdir()
    assert job.prepare() == 0
    assert left(raw) == []
    assert manifest.read_bytes() == before


def test_a_folder_stays_while_another_job_is_inside(tmp_path: Path) -> None:
    with raw_shared(tmp_path):
        (tmp_path / ".collect-mine").mkdir()
        with raw_shared(tmp_path):
            pass
        assert left(tmp_path) == [".collect-mine"]
    assert left(tmp_path) == []
