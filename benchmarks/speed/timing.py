"""Seconds of a step of each contestant, which take turns of about equal length."""

import time
from collections.abc import Callable, Mapping

from contestants import Step

Clock = Callable[[], float]


def seconds_per_step(
    steps: Mapping[str, Step], runs: int, seconds: float, warm_up: int, clock: Clock = time.process_time
) -> dict[str, list[float]]:
    """Seconds of a step of each contestant, by run.

    Args:
        steps: Contestants by name.
        runs: Turns of each.
        seconds: About what a turn takes.
        warm_up: Steps of each before its turns.
        clock: CPU time of this process, unless another is given.
    """
    counts = {}
    for name, step in steps.items():
        timed(step, warm_up, clock)
        counts[name] = max(1, round(seconds / timed(step, max(2, warm_up // 2), clock)))
    found: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(runs):
        for name, step in steps.items():
            found[name].append(timed(step, counts[name], clock))
    return found


def timed(step: Step, count: int, clock: Clock) -> float:
    """Seconds per step."""
    start = clock()
    for _ in range(count):
        step()
    return (clock() - start) / count
