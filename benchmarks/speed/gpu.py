"""Training on one GPU: `python benchmarks/speed/gpu.py`; see README.md beside. Without a GPU its rows say so."""

import statistics
import sys
import time

import table
import torch
from contestants import noise, ours, plain_qdot, stepping
from timing import seconds_per_step

RUNS, SECONDS, WARM_UP = 5, 2.0, 20
MODELS, COMPARED = (1, 5, 15, 30, 60, 90), 15
GOALS = {"rate": 15_000, "eager": 25, "alone": 5}
RATE = f"GPU training: qdot, {COMPARED} models, seed-steps per second beside the goal's"
EAGER = f"GPU training: qdot, {COMPARED} models, beside plain eager Q-DOT"
ALONE = f"GPU training: qdot, {COMPARED} models, beside one model"


def clock() -> float:
    """Wall seconds, once the device is done."""
    torch.cuda.synchronize()
    return time.perf_counter()


def rows() -> list[table.Row]:
    """Rates from 1 to 90 models in one process, and beside one plain model."""
    data = noise()
    steps = {str(count): stepping(ours(["qdot"], data, count, compiled=True, device="cuda")) for count in MODELS}
    seconds = seconds_per_step(steps | {"plain": plain_qdot(data, "cuda")}, RUNS, SECONDS, WARM_UP, clock)
    share = {count: [each / count for each in seconds[str(count)]] for count in MODELS}
    device = torch.cuda.get_device_name()
    found = [
        table.row(RATE, share[COMPARED], [1 / GOALS["rate"]] * RUNS, "seed-steps/s", 1, 1.0),
        table.row(EAGER, share[COMPARED], seconds["plain"], "seed-steps/s", 1, GOALS["eager"]),
        table.row(ALONE, share[COMPARED], share[1], "seed-steps/s", 1, GOALS["alone"]),
    ]
    for count in MODELS:
        rate = 1 / statistics.median(share[count])
        found.append(table.single(f"GPU training: qdot, {count} models in one process", rate, "seed-steps/s"))
    return [row | {"device": device} for row in found]


def main() -> int:
    """Measure, or say that it was not; keep the rows."""
    if torch.cuda.is_available():
        torch.set_float32_matmul_precision("highest")
        found = rows()
    else:
        goals = {RATE: 1.0, EAGER: GOALS["eager"], ALONE: GOALS["alone"]}
        found = [table.missing(metric, "seed-steps/s", goal, "NVIDIA H200") for metric, goal in goals.items()]
    table.publish(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
