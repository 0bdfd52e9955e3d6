"""Training on one GPU: `python benchmarks/speed/gpu.py`; see README.md beside. Without a GPU its rows say so."""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import table
import torch
from contestants import Step, noise, ours, plain_qdot, stepping
from limits import limits, moved, operations
from timing import seconds_per_step

PAPER, SEEDS = ("qdot", "no_icnn", "adversarial"), 5  # what the paper's study trains on a dataset
GOALS = {"rate": 15_000, "eager": 25, "alone": 5}


class How(NamedTuple):
    """What is measured, and how long.

    Attributes:
        device: Of torch.
        compiled: Whether steps are.
        runs: Turns of each.
        seconds: About what a turn takes.
        warm_up: Steps before the turns.
        compared: Models in one process, of which the goals speak.
        models: Numbers of models of the curve.
        sharing: Numbers of processes at once.
        sharing_seconds: How long these train.
    """

    device: str = "cuda"
    compiled: bool = True
    runs: int = 5
    seconds: float = 1.0
    warm_up: int = 50
    compared: int = 15
    models: tuple[int, ...] = (1, 5, 15, 30, 60, 90)
    sharing: tuple[int, ...] = (1, 2, 3)
    sharing_seconds: float = 10.0

    def clock(self) -> float:
        """Wall seconds, once the device is done."""
        if self.device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    def timed(self, steps: Mapping[str, Step]) -> dict[str, list[float]]:
        """Seconds of a step of each, by run."""
        return seconds_per_step(steps, self.runs, self.seconds, self.warm_up, self.clock)

    def qdot(self, count: int, precision: str = "float32") -> Step:
        """A step of so many models."""
        return stepping(ours(["qdot"], noise(), count, self.compiled, self.device, precision=precision))


def metrics(how: How) -> dict[str, str]:
    """The rows with goals."""
    models = f"GPU training: qdot, {how.compared} models"
    return {
        "rate": f"{models}, seed-steps per second beside the goal's",
        "eager": f"{models}, beside plain eager Q-DOT",
        "alone": f"{models}, beside one model",
    }


def rows(how: How) -> Iterator[table.Row]:
    """The goals' rows first; then the curve, what of the GPU is used, and processes that share it."""
    steps = {str(count): how.qdot(count) for count in (how.compared, 1)} | {"plain": plain_qdot(noise(), how.device)}
    start = how.clock()
    steps[str(how.compared)]()
    yield table.single(f"GPU training: qdot, {how.compared} models, compiling", how.clock() - start, "s")
    seconds = how.timed(steps)
    share = {count: [each / count for each in seconds[str(count)]] for count in (1, how.compared)}
    peers = {"rate": [1 / GOALS["rate"]] * how.runs, "eager": seconds["plain"], "alone": share[1]}
    for name, metric in metrics(how).items():
        goal = 1.0 if name == "rate" else GOALS[name]
        yield table.row(metric, share[how.compared], peers[name], "seed-steps/s", 1, goal)

    yield from curve(how, share)
    if how.device == "cuda":
        metric = f"GPU training: memory of all these, {how.models[-1]} models the largest"
        yield table.single(metric, torch.cuda.max_memory_allocated() / 2**30, "GiB")
    rounded = statistics.median(how.timed({"": how.qdot(how.compared, "bfloat16")})[""])
    metric = f"GPU training: qdot, {how.compared} models, products in bfloat16"
    yield table.single(metric, how.compared / rounded, "seed-steps/s", precision="bfloat16")
    yield from sharing(how)


def curve(how: How, share: Mapping[int, list[float]]) -> Iterator[table.Row]:
    """The rate over the number of models, and how much of the machine it uses; `share`: seconds already measured."""
    found = limits(how.compared, how.timed, how.device, 2**28 if how.device == "cuda" else 2**20)
    yield table.single(f"GPU machine: products ({how.compared} of 256x256)", found["flops"] / 1e12, "TFLOP/s")
    yield table.single("GPU machine: memory copied", found["bytes"] / 1e9, "GB/s")
    one = ours(["qdot"], noise(), 1, compiled=False)
    asked = {"flops": operations(one), "bytes": moved(one)}
    named = {"flops": "of the machine's products", "bytes": "weights' traffic of the machine's bandwidth"}
    for count in how.models:
        taken = share[count] if count in share else [each / count for each in how.timed({"": how.qdot(count)})[""]]
        rate = 1 / statistics.median(taken)
        metric = f"GPU training: qdot, {count} models in one process"
        yield table.single(metric, rate, "seed-steps/s")
        for what, text in named.items():
            yield table.single(f"{metric}, {text}", 100 * rate * asked[what] / found[what], "%")


def sharing(how: How) -> Iterator[table.Row]:
    """Processes that train the paper's methods on the GPU at the same time; the first one compiles for all."""
    command = [sys.executable, __file__, "--shared", json.dumps(how)]
    running: list[subprocess.Popen[str]] = []
    try:
        for count in how.sharing:
            while len(running) < count:
                running.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
                said(running[-1])
            for process in running:
                assert process.stdin is not None
                process.stdin.write("go\n")
                process.stdin.flush()
            rate = sum(said(process) for process in running)
            metric = f"GPU training: {', '.join(PAPER)}, {SEEDS} seeds each, in each of {count} processes at once"
            yield table.single(metric, rate, "seed-steps/s")
    finally:
        for process in running:
            process.kill()
            process.wait()


def said(process: "subprocess.Popen[str]") -> float:
    """The number that it says next.

    Raises:
        RuntimeError: it ended instead.
    """
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"{process.args} ended with {process.wait()}")
    return float(line)


def shared(how: How) -> None:
    """Be such a process: say 0 when ready, and the rate each time a line comes in."""
    step = stepping(ours(PAPER, noise(), SEEDS, how.compiled, how.device))
    for _ in range(how.warm_up):
        step()
    print(0, flush=True)
    while sys.stdin.readline():
        begun, count = how.clock(), 0
        while how.clock() - begun < how.sharing_seconds:
            for _ in range(how.warm_up):
                step()
            count += how.warm_up
        print(count * len(PAPER) * SEEDS / (how.clock() - begun), flush=True)


def main() -> int:
    """Measure, or say that it was not; rows are kept as they come, so that a run cut short keeps some."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=json.loads, help="be a process that shares the GPU: the values of How")
    chosen = parser.parse_args()
    if chosen.shared:
        shared(How(*chosen.shared))
    elif torch.cuda.is_available():
        device = torch.cuda.get_device_name()
        for row in rows(How()):
            table.publish([row | {"device": device}], device)
    else:
        goals = {name: 1.0 if name == "rate" else goal for name, goal in GOALS.items()}
        named = metrics(How()).items()
        table.publish([table.missing(metric, "seed-steps/s", goals[name], "a GPU") for name, metric in named])
    return 0


if __name__ == "__main__":
    sys.exit(main())
