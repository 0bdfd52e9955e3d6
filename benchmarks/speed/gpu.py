"""Training on one GPU: `python benchmarks/speed/gpu.py`; see README.md beside. Without a GPU its rows say so."""

import statistics
import sys
import time

import table
import torch
from contestants import Step, noise, ours, plain_qdot, stepping

RUNS, SECONDS, WARM_UP = 5, 2.0, 20
MODELS, COMPARED = (1, 5, 15, 30, 60, 90), 15
GOALS = {"rate": 15_000, "eager": 25, "alone": 5}
RATE = f"GPU training: qdot, {COMPARED} models, seed-steps per second beside the goal's"
EAGER = f"GPU training: qdot, {COMPARED} models, beside plain eager Q-DOT"
ALONE = f"GPU training: qdot, {COMPARED} models, beside one model"


def seconds_per_step(steps: dict[int, Step]) -> dict[int, list[float]]:
    """Wall seconds of a step of each, by run; they take turns."""
    found: dict[int, list[float]] = {name: [] for name in steps}
    counts = {}
    for name, step in steps.items():
        timed(step, WARM_UP)
        counts[name] = max(1, round(SECONDS / timed(step, WARM_UP)))
    for _ in range(RUNS):
        for name, step in steps.items():
            found[name].append(timed(step, counts[name]))
    return found


def timed(step: Step, count: int) -> float:
    """Wall seconds per step, until the device is done."""
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(count):
        step()
    torch.cuda.synchronize()
    return (time.perf_counter() - start) / count


def rows() -> list[table.Row]:
    """Rates from 1 to 90 models in one process, and beside one plain model."""
    data = noise()
    steps = {count: stepping(ours(["qdot"], data, count, compiled=True, device="cuda")) for count in MODELS}
    seconds = seconds_per_step(steps | {0: plain_qdot(data, "cuda")})
    share = {count: [each / max(count, 1) for each in runs] for count, runs in seconds.items()}
    device = torch.cuda.get_device_name()
    found = [
        table.row(RATE, share[COMPARED], [1 / GOALS["rate"]] * RUNS, "seed-steps/s", 1, 1.0),
        table.row(EAGER, share[COMPARED], share[0], "seed-steps/s", 1, GOALS["eager"]),
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
    for row in found:
        table.say(row)
    table.keep(found, table.path())
    return 0


if __name__ == "__main__":
    sys.exit(main())
