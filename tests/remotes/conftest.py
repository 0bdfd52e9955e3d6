"""What is kept of `make remotes`: what came of every test, in the file that QDOT_REMOTES_LOG names."""

import os
from pathlib import Path

import kept_log
import pytest
from remotes import servers


def _log() -> Path | None:
    name = os.environ.get("QDOT_REMOTES_LOG")
    return kept_log.TOP / name if name else None


def pytest_sessionstart() -> None:
    """Begin the log."""
    if path := _log():
        kept_log.begin(path, [*kept_log.pins("requirements-remotes.txt", "dvc"), *servers.versions()])


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add a line where a test ended, or was skipped or broken before it began."""
    path = _log()
    if path and (report.when == "call" or not report.passed):
        line = f"{report.outcome}  {report.duration:6.1f} s  {report.nodeid.rpartition('::')[2]}"
        kept_log.add(path, [line])
