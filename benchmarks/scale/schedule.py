"""List scheduling: when each job of a graph starts and ends on machines that hold so much of each resource."""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Job:
    """One job.

    Attributes:
        name: Of its own.
        seconds: From its start to its end.
        needs: How much of which resource it holds meanwhile.
        after: Names of the jobs whose end it waits for; they stand before it in the list.
    """

    name: str
    seconds: float
    needs: Mapping[str, int] = field(default_factory=dict)
    after: tuple[str, ...] = ()


def ends(jobs: Sequence[Job], capacity: Mapping[str, int]) -> dict[str, float]:
    """When each job ends, in seconds: of those that are ready, the first in the list that fits starts, at once.

    Args:
        jobs: In the order of preference.
        capacity: How much there is of each resource.

    Raises:
        ValueError: a job needs more than there is, or waits for one that does not stand before it.
    """
    _check(jobs, capacity)
    free, done = dict(capacity), dict[str, float]()
    missing = {job.name: len(set(job.after)) for job in jobs}
    waiting_for: dict[str, list[int]] = {}
    for place, job in enumerate(jobs):
        for name in set(job.after):
            waiting_for.setdefault(name, []).append(place)
    ready = [place for place, job in enumerate(jobs) if not job.after]
    running: list[tuple[float, int]] = []
    now = 0.0
    while ready or running:
        ready = _start(jobs, sorted(ready), free, running, now)
        now, place = heapq.heappop(running)
        done[jobs[place].name] = now
        for resource, amount in jobs[place].needs.items():
            free[resource] += amount
        for other in waiting_for.get(jobs[place].name, ()):
            missing[jobs[other].name] -= 1
            ready += [] if missing[jobs[other].name] else [other]
    return done


def _check(jobs: Sequence[Job], capacity: Mapping[str, int]) -> None:
    known: set[str] = set()
    for job in jobs:
        for resource, amount in job.needs.items():
            if amount > capacity.get(resource, 0):
                there = capacity.get(resource, 0)
                raise ValueError(f"{job.name}: needs {amount} of {resource}, found {there}; expected room for each job")
        if unknown := set(job.after) - known:
            raise ValueError(f"{job.name}: waits for {sorted(unknown)}; expected jobs that stand before it")
        known.add(job.name)


def _start(
    jobs: Sequence[Job], ready: list[int], free: dict[str, int], running: list[tuple[float, int]], now: float
) -> list[int]:
    """Start what fits; returns what does not."""
    left = []
    for place in ready:
        needs = jobs[place].needs
        if any(free[resource] < amount for resource, amount in needs.items()):
            left.append(place)
            continue
        for resource, amount in needs.items():
            free[resource] -= amount
        heapq.heappush(running, (now + jobs[place].seconds, place))
    return left


def longest_chain(jobs: Sequence[Job]) -> float:
    """Seconds of the longest chain of jobs that wait for each other: what no number of machines goes below."""
    found: dict[str, float] = {}
    for job in jobs:
        found[job.name] = job.seconds + max((found[name] for name in job.after), default=0.0)
    return max(found.values(), default=0.0)
