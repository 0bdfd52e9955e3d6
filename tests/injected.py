"""Faults that tests inject: a kill, a write that fails, a job that hangs."""

import json
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest

from qdot.stages import limit

SEAMS = ((os, "fsync"), (h5py.Group, "create_dataset"), (json, "dump"))


class Killed(BaseException):
    """As SIGKILL: nothing cleans up after it."""


class Writes:
    """Counts writes, and lets one of them fail: files that are written whole, and the parts of a collected dataset."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fails: int | None = None, error: BaseException | None = None):
        self.count, self._fails, self._error = 0, fails, error
        for owner, name in SEAMS:
            monkeypatch.setattr(owner, name, self._counted(getattr(owner, name)))

    def _counted(self, plain: Callable[..., Any]) -> Callable[..., Any]:
        def write(*arguments: Any, **named: Any) -> Any:
            self.count += 1
            if self._error is not None and self.count == self._fails:
                raise self._error
            return plain(*arguments, **named)

        return write


def hang(monkeypatch: pytest.MonkeyPatch, folder: Path, seconds: str) -> Path:
    """Limit jobs to some seconds, and give them in Python's place a program that starts another and hangs.

    Returns:
        The file with the other's process id.
    """
    program, started = folder / "hangs", folder / "started"
    program.write_text(f"#!/bin/sh\nsleep 600 &\necho $! > {started}\nwait\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setenv(limit.VARIABLE, seconds)
    return started
