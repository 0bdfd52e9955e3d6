"""The packages that requirement files pin."""

import re
from collections.abc import Iterable
from pathlib import Path


def pins(paths: Iterable[Path]) -> dict[str, str]:
    """Version by name, in the order of the files."""
    lines = [line for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    found = (re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)", line) for line in lines)
    return {match.group(1): match.group(2) for match in found if match}
