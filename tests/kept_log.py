"""How a log begins that is kept of a run against real servers: when, at which commit, with which versions."""

import datetime
import platform
import subprocess
from collections.abc import Iterable
from pathlib import Path

TOP = Path(__file__).parents[1]


def head(versions: Iterable[str]) -> list[str]:
    """Two lines."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=TOP, capture_output=True, text=True, check=True).stdout
    return [
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC, commit {commit.strip()}",
        ", ".join([*versions, f"Python {platform.python_version()}"]),
    ]


def pins(requirements: str, prefix: str = "") -> list[str]:
    """The packages that a file of requirements pins, with their versions."""
    lines = (TOP / requirements).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if "==" in line and line.startswith(prefix) and not line.startswith("#")]
