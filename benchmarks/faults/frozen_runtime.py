"""In the place of `src/qdot/stages/runtime.py` in copies of the checkout whose results are compared byte for byte.

A run's cost, moment and machine are the same words each time. What is made of them (costs, the ratio of training
times that a claim tests, the page, the manifests over these) is then comparable too, and nothing has to be left out.
"""

from typing import Any

FROZEN = {
    "seconds": 1.0,
    "started": "2026-01-01T00:00:00Z",
    "finished": "2026-01-01T00:00:01Z",
    "peak_memory_mb": 1,
    "worker_peak_memory_mb": 1,
    "host": "frozen",
    "processors": 1,
    "python": "frozen",
    "git_commit": "0" * 40,
    "git_dirty": False,
    "seed_steps_per_second": 1.0,
}


def runtime(started: float, **more: Any) -> dict[str, Any]:
    """The same for every run; which cells ran in one job depends on kills too."""
    return dict(FROZEN)


def git_state() -> dict[str, Any]:
    """As outside a repository."""
    return {key: FROZEN[key] for key in ("git_commit", "git_dirty")}
