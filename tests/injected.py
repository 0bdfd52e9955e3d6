"""Faults that tests inject: a kill, and a write that fails."""

import json
import os
from collections.abc import Callable
from typing import Any

import h5py
import pytest

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
