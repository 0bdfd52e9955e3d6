"""Files from the future are dated now, and nothing else is."""

import logging
import os
import time
from pathlib import Path

import pytest

from qdot import dated


def test_what_lies_ahead_is_dated_now_and_what_does_not_stays(tmp_path: Path) -> None:
    ahead, before = tmp_path / "ahead", tmp_path / "before"
    for path, stamp in ((ahead, time.time() + 3600), (before, 1e9)):
        path.write_text("x")
        os.utime(path, (stamp, stamp))
    dated.settle([ahead, before, tmp_path / "missing"])
    assert ahead.stat().st_mtime <= time.time()
    assert before.stat().st_mtime == 1e9
    assert not (tmp_path / "missing").exists()
    assert dated.not_ahead(before) == 10**18
    assert dated.not_ahead(tmp_path / "missing") == 0


def test_a_job_that_may_not_touch_what_it_read_has_ended_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "ahead"
    path.write_text("x")
    os.utime(path, (time.time() + 3600,) * 2)

    def refused(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted", str(path))

    monkeypatch.setattr(os, "utime", refused)
    with caplog.at_level(logging.WARNING, "qdot"):
        dated.settle([path])
    assert f"{path}: is dated in the future, and cannot be dated now" in caplog.text
