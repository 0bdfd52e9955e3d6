"""How a step of Q-DOT grows with sizes: `python benchmarks/speed/growth.py`; see README.md beside."""

import statistics
import sys
from typing import Any

import table
import torch
from contestants import noise, ours, stepping
from timing import seconds_per_step

from qdot.training.memory import keep_freed_memory

RUNS, SECONDS, WARM_UP = 5, 1.5, 3
HERE: dict[str, Any] = {"actions": 6, "width": 256, "seeds": 5, "batch": 256}  # where one size at a time is changed
AXES: dict[str, tuple[int, ...]] = {
    "actions": (2, 4, 8, 16, 32, 64),
    "width": (64, 128, 256, 512),
    "seeds": (1, 2, 5, 10, 20),
    "batch": (64, 128, 256, 512, 1024),
}
COLUMNS = ("algorithm", "axis", "size", "seconds_per_seed_step", "runs", "device", "date")


def rows(algorithm: str, axis: str) -> list[table.Row]:
    """One row per size: seconds of one seed's share of a plain step."""
    steps, seeds = {}, {}
    for size in AXES[axis]:
        at = HERE | {axis: size}
        family = ours(
            [algorithm],
            noise(acted=at["actions"], rows=20_000),
            at["seeds"],
            compiled=False,
            hidden=[at["width"]] * 2,
            batch_size=at["batch"],
        )
        steps[str(size)], seeds[str(size)] = stepping(family), at["seeds"]
    found = []
    for size, seconds in seconds_per_step(steps, RUNS, SECONDS, WARM_UP).items():
        share = statistics.median(seconds) / seeds[size]
        values = (algorithm, axis, size, f"{share:.3e}", RUNS, table.device(), table.today())
        found.append(dict(zip(COLUMNS, values, strict=True)))
    return found


def main() -> int:
    """Measure, print and write."""
    torch.set_num_threads(1)
    keep_freed_memory()
    found = []
    for axis in AXES:
        for algorithm in ("qdot", "no_icnn"):
            new = rows(algorithm, axis)
            found += new
            print(algorithm, *(f"{axis} {row['size']}: {row['seconds_per_seed_step']} s" for row in new), flush=True)
    file = table.path().with_name(f"{table.path().stem}-growth.csv")
    table.write(file, COLUMNS, found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
