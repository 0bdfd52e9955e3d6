"""What a run cost, where it ran and at which commit: runtime.json, outside every digest."""

import os
import platform
import resource
import subprocess
import time
from typing import Any

MOMENT = "%Y-%m-%dT%H:%M:%SZ"
CLOCK_START = time.time() - time.perf_counter()  # one number for all seeds of a job


def runtime(started: float, **more: Any) -> dict[str, Any]:
    """What a run cost and where it ran; outside every digest.

    Args:
        started: `time.perf_counter()` at the start.
        **more: Further entries, for example `seed_steps_per_second`.
    """
    seconds = time.perf_counter() - started
    return {
        "seconds": round(seconds, 3),
        "started": time.strftime(MOMENT, time.gmtime(CLOCK_START + started)),
        "finished": time.strftime(MOMENT, time.gmtime()),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "worker_peak_memory_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
        "host": platform.machine() + " " + platform.system(),
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        **git_state(),
        **more,
    }


def git_state() -> dict[str, Any]:
    """The commit that the code was at and whether tracked files differed from it; None outside a repository."""
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    status = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=no"], capture_output=True, text=True, check=False
    )
    if head.returncode:
        return {"git_commit": None, "git_dirty": None}
    return {"git_commit": head.stdout.strip(), "git_dirty": bool(status.stdout.strip())}
