"""Start-up, compiling and memory, each trainer in a process of its own: `python benchmarks/speed/alone.py`.

See README.md beside. All is wall time: a compiler works in processes of its own.
"""

import argparse
import importlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import table

RUNS, STEPS = 5, 30
OURS = {"qdot": ("qdot", 1), "iql": ("iql", 1), "qdot, five seeds": ("qdot", 5), "iql, five seeds": ("iql", 5)}
PLAIN, COMPILED = "plain eager Q-DOT", ", compiled"
THEIRS: dict[str, tuple[str, str, tuple[bool, ...]]] = {  # module, function, and its arguments after the dataset
    "d3rlpy's iql": ("d3rlpy_iql", "d3rlpy_iql", ()),
    "torchrl's iql": ("torchrl_iql", "torchrl", (False,)),
    "torchrl's iql" + COMPILED: ("torchrl_iql", "torchrl", (True,)),
}
PAIRS = [
    ("qdot", PLAIN),
    ("iql", "d3rlpy's iql"),
    ("iql", "torchrl's iql"),
    ("iql" + COMPILED, "torchrl's iql" + COMPILED),
]
NO_PEER = ("qdot" + COMPILED, "qdot, five seeds", "iql, five seeds")


class Taken(NamedTuple):
    """What one process took.

    Attributes:
        start: Seconds from its start to the end of its first step.
        first: Seconds of that step, which compiles.
        peak: GiB of memory at most, a few steps later.
    """

    start: float
    first: float
    peak: float


def be(name: str, steps: int) -> None:
    """Be such a process: build a trainer, step, and say `first`; step on, and say `peak`."""
    import torch

    from qdot.training.memory import keep_freed_memory

    torch.set_num_threads(1)
    keep_freed_memory()
    step = contestant(name)
    begun = time.perf_counter()
    step()
    print(time.perf_counter() - begun, flush=True)
    for _ in range(steps):
        step()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, flush=True)


def contestant(name: str) -> Any:
    """A trainer's step; nothing is imported that this trainer does not need."""
    from contestants import noise, ours, plain_qdot, stepping

    if name == PLAIN:
        return plain_qdot(noise())
    if name in THEIRS:
        module, made, arguments = THEIRS[name]
        return getattr(importlib.import_module(module), made)(noise(), *arguments)
    algorithm, seeds = OURS[name.removesuffix(COMPILED)]
    return stepping(ours([algorithm], noise(), seeds, name.endswith(COMPILED)))


def taken(name: str, steps: int = STEPS) -> Taken:
    """Run such a process, with a compiler's cache that is empty.

    Raises:
        RuntimeError: it ended before it had said all.
    """
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, __file__, "--be", name, "--steps", str(steps)]
        begun = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=os.environ | {"TORCHINDUCTOR_CACHE_DIR": cache}
        )
        assert process.stdout is not None
        first = process.stdout.readline()
        start = time.perf_counter() - begun
        peak = process.stdout.readline()
        if process.wait() or not peak:
            raise RuntimeError(f"{name}: its process ended with {process.returncode} before it had stepped")
    return Taken(start, float(first), float(peak))


def rows(found: Mapping[str, Sequence[Taken]]) -> list[table.Row]:
    """Start-up, compiling where there is some, and memory: ours beside peers, then what has none.

    Args:
        found: By trainer, what the process of each run took.
    """
    made = []
    for name, peer in PAIRS:
        made.append(beside(f"start-up: {name}, to its first step, beside {peer}", found, name, peer, "start", "s"))
        if name.endswith(COMPILED):
            made.append(beside(f"start-up: first step of {name}, beside {peer}", found, name, peer, "first", "s"))
        made.append(beside(f"memory: {name}, beside {peer}", found, name, peer, "peak", "GiB"))
    for name in NO_PEER:
        made.append(middle(f"start-up: {name}, to its first step", found[name], "start", "s"))
        if name.endswith(COMPILED):
            made.append(middle(f"start-up: first step of {name}", found[name], "first", "s"))
        made.append(middle(f"memory: {name}", found[name], "peak", "GiB"))
    return made


def beside(metric: str, found: Mapping[str, Sequence[Taken]], name: str, peer: str, what: str, unit: str) -> table.Row:
    """A row that compares."""
    mine, theirs = ([float(getattr(each, what)) for each in found[who]] for who in (name, peer))
    return table.row(metric, mine, theirs, unit)


def middle(metric: str, found: Sequence[Taken], what: str, unit: str) -> table.Row:
    """A row without a peer: the median of the runs."""
    value = statistics.median(float(getattr(each, what)) for each in found)
    return table.single(metric, value, unit) | {"runs": len(found)}


def main() -> int:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--be", metavar="NAME", help="be the process of this trainer, measure nothing")
    parser.add_argument("--steps", type=int, default=STEPS, help="of each process, after its first")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--print", action="store_true", help="keep nothing")
    chosen = parser.parse_args()
    if chosen.be:
        be(chosen.be, chosen.steps)
        return 0
    names = dict.fromkeys([name for pair in PAIRS for name in pair] + list(NO_PEER))
    found: dict[str, list[Taken]] = {name: [] for name in names}
    for _ in range(chosen.runs):
        for name in names:
            found[name].append(taken(name, chosen.steps))
    made = rows(found)
    if chosen.print:
        for row in made:
            table.say(row)
    else:
        table.publish(made, whole=("start-up: ", "memory: "))
    return 0


if __name__ == "__main__":
    sys.exit(main())
