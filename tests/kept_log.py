"""The log that is kept of a run against real servers: when, at which commit, which versions, and what came of it."""

import datetime
import platform
import subprocess
from collections.abc import Iterable
from pathlib import Path

TOP = Path(__file__).parents[1]


def begin(path: Path, versions: Iterable[str]) -> None:
    """Write its first lines, in the place of what an earlier run of that day left."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=TOP, capture_output=True, text=True, check=True).stdout
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    now = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M}"
    add(
        path, [f"{now} UTC, commit {commit.strip()}", ", ".join([*versions, f"Python {platform.python_version()}"]), ""]
    )


def add(path: Path, lines: Iterable[str]) -> None:
    """Write lines behind what is there."""
    with path.open("a", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


def pins(requirements: str, prefix: str = "") -> list[str]:
    """The packages that a file of requirements pins, with their versions."""
    lines = (TOP / requirements).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if "==" in line and line.startswith(prefix) and not line.startswith("#")]
