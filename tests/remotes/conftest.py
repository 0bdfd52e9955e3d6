"""What is kept of `make remotes`: what came of every test, in the file that QDOT_REMOTES_LOG names."""

import os

import kept_log
import pytest
from remotes import servers


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add a line where a test ended, or was skipped or broken before it began."""
    name = os.environ.get("QDOT_REMOTES_LOG")
    if name is None or (report.when != "call" and report.passed):
        return
    path = kept_log.TOP / name
    if not path.exists():
        head = kept_log.head([*kept_log.pins("requirements-remotes.txt", "dvc"), *servers.versions()])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([*head, "", ""]), encoding="utf-8")
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{report.outcome}  {report.duration:6.1f} s  {report.nodeid.rpartition('::')[2]}\n")
