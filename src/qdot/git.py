"""What git says of this repository; the only way that qdot reads another commit's files."""

import subprocess
from pathlib import Path


def output(root: Path, *arguments: str) -> bytes | None:
    """What a git command prints in a folder; None where it fails or git is not installed."""
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=False)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None
