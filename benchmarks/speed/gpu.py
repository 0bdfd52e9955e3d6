"""Training on one GPU: `python benchmarks/speed/gpu.py`; see README.md beside. Without a GPU its rows say so."""

import argparse
import json
import os
import queue
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import table

RUNS, SECONDS, WARM_UP = 5, 1.0, 20
PATIENCE = 150.0  # seconds that processes have to get ready, all at once; one that has not is left out, and said so
MODELS, COMPARED = (1, 5, 15, 45, 90), 15
PAPER = ("qdot", "no_icnn", "adversarial")  # the methods of the paper that are trained, five seeds each
SHARING, FOR = (1, 2, 3), 8.0  # processes at once, and how long
GOALS = {"rate": 15_000, "eager": 25, "alone": 5}
RATE = f"GPU training: qdot, {COMPARED} models, seed-steps per second beside the goal's"
EAGER = f"GPU training: qdot, {COMPARED} models, beside plain eager Q-DOT"
ALONE = f"GPU training: qdot, {COMPARED} models, beside one model"


class Kind(NamedTuple):
    """What a process of its own trains.

    Attributes:
        algorithms: Names.
        seeds: Of each.
        precision: Of products.
        compiled: As programs, or step by step.
    """

    algorithms: Sequence[str]
    seeds: int
    precision: str = "float32"
    compiled: bool = True


class Child:
    """A process that has compiled its programs, and measures when it is told to."""

    def __init__(self, what: str, *values: Any) -> None:
        """Start it; several get ready at the same time, so each compiles with few helpers."""
        command = [sys.executable, __file__, "--child", json.dumps([what, *values])]
        environment = os.environ | {"TORCHINDUCTOR_COMPILE_THREADS": "2"}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def answer(self, seconds: float | None = None) -> Any:
        """Its next line, as JSON; within a time, where one is given.

        Raises:
            RuntimeError: it ended before.
            queue.Empty: the time is over.
        """
        line = self._lines.get(timeout=seconds)
        if not line:
            raise RuntimeError(f"{self._process.args} ended with {self._process.wait()}")
        return json.loads(line)

    def tell(self) -> None:
        """Let it measure."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def measure(self) -> Any:
        """Let it measure, with all others at rest."""
        self.tell()
        return self.answer()

    def end(self) -> None:
        """Stop it."""
        self._process.kill()
        self._process.wait()


def child(what: str, *values: Any) -> None:
    """Be such a process."""
    import torch
    from contestants import noise, ours, plain_qdot, stepping
    from timing import seconds_per_step

    def clock() -> float:
        torch.cuda.synchronize()
        return time.perf_counter()

    def timed(steps: Any) -> Any:
        return seconds_per_step(steps, RUNS, SECONDS, WARM_UP, clock)

    def say(found: Any) -> None:
        print(json.dumps(found), flush=True)

    torch.set_float32_matmul_precision("highest")
    data, start = noise(), time.perf_counter()
    if what == "limits":
        products = [torch.randn(COMPARED, 256, 256, device="cuda") for _ in range(2)]
        rounded = [each.bfloat16() for each in products]
        source = torch.randn(2**29, device="cuda")
        target = torch.empty_like(source)
        steps = {
            "float32": lambda: torch.bmm(*products),
            "bfloat16": lambda: torch.bmm(*rounded),
            "copy": lambda: target.copy_(source),
        }
    elif what == "compared":
        families = {count: ours(["qdot"], data, count, compiled=True, device="cuda") for count in (1, COMPARED)}
        steps = {str(count): stepping(family) for count, family in families.items()}
        steps |= {"plain": plain_qdot(data, "cuda")}
    else:
        kind = Kind(*values)
        family = ours(
            kind.algorithms, data, kind.seeds, compiled=kind.compiled, device="cuda", precision=kind.precision
        )
        steps = {"": stepping(family)}
    for step in steps.values():
        step()
    say(time.perf_counter() - start)
    while sys.stdin.readline():
        if what == "shared":
            begun, count = clock(), 0
            while clock() - begun < FOR:
                for _ in range(50):
                    steps[""]()
                count += 50
            say(count / (clock() - begun))
        else:
            found = timed(steps)
            say(found if what in ("limits", "compared") else [found[""], torch.cuda.max_memory_allocated()])


def operations() -> float:
    """Floating-point operations of the products of one seed's step."""
    import torch
    from contestants import noise, ours, stepping
    from torch.utils.flop_counter import FlopCounterMode

    torch.set_num_threads(1)
    step = stepping(ours(["qdot"], noise(), 1, compiled=False))
    with FlopCounterMode(display=False) as counter:
        step()
    return float(counter.get_total_flops())


def ready(children: dict[str, Child], until: float) -> dict[str, float]:
    """Seconds that each took to get ready; one that has not by then is ended, said and taken out."""
    found = {}
    for name, each in list(children.items()):
        try:
            found[name] = each.answer(max(0.1, until - time.monotonic()))
        except queue.Empty:
            print(f"{name}: not ready in {PATIENCE:.0f} s, left out", flush=True)
            children.pop(name).end()
    return found


def rows() -> Iterator[table.Row]:
    """Rates from 1 to 90 models in one process, beside one plain model; and of processes that share the GPU."""
    kinds = {f"qdot, {count} models": Kind(["qdot"], count) for count in MODELS if count not in (1, COMPARED)}
    kinds[f"qdot, {COMPARED} models, products in bfloat16"] = Kind(["qdot"], COMPARED, "bfloat16")
    kinds[f"qdot, {COMPARED} models, not compiled"] = Kind(["qdot"], COMPARED, "float32", False)
    family = Kind(PAPER, 5)
    until = time.monotonic() + PATIENCE
    children = {"compared": Child("compared"), "limits": Child("limits"), "shared": Child("shared", *family)}
    children |= {name: Child("kind", *kind) for name, kind in kinds.items()}
    compiling = ready(children, until)

    seconds = children["compared"].measure()
    share = {count: [each / count for each in seconds[str(count)]] for count in (1, COMPARED)}
    yield table.row(RATE, share[COMPARED], [1 / GOALS["rate"]] * RUNS, "seed-steps/s", 1, 1.0)
    yield table.row(EAGER, share[COMPARED], seconds["plain"], "seed-steps/s", 1, GOALS["eager"])
    yield table.row(ALONE, share[COMPARED], share[1], "seed-steps/s", 1, GOALS["alone"])
    rates = {f"qdot, {count} models": 1 / statistics.median(times) for count, times in share.items()}
    memory = {}
    for name, kind in kinds.items():
        if name in children:
            taken, memory[name] = children[name].measure()
            rates[name] = kind.seeds / statistics.median(taken)
    for name, rate in rates.items():
        precision = kinds[name].precision if name in kinds else "float32"
        yield table.single(f"GPU training: {name}", rate, "seed-steps/s", precision=precision)
    machine = {name: statistics.median(times) for name, times in children["limits"].measure().items()}
    per_second = {name: 2 * COMPARED * 256**3 / machine[name] for name in ("float32", "bfloat16")}
    for name, rate in per_second.items():
        metric = f"GPU machine: products ({COMPARED} of 256x256), {name}"
        yield table.single(metric, rate / 1e12, "TFLOP/s", precision=name)
    yield table.single("GPU machine: memory copied", 2 * 2**31 / machine["copy"] / 1e9, "GB/s")
    one, largest = operations(), f"qdot, {MODELS[-1]} models"
    for name in (f"qdot, {COMPARED} models", largest):
        if name in rates:
            percent = 100 * rates[name] * one / per_second["float32"]
            yield table.single(f"GPU training: {name}, of the machine's products", percent, "%")
    if largest in memory:
        yield table.single(f"GPU training: {largest}, memory", memory[largest] / 2**30, "GiB")
    metric = f"GPU training: qdot, 1 and then {COMPARED} models, compiling beside others"
    yield table.single(metric, compiling["compared"], "s")
    for name in [name for name in children if name != "shared"]:
        children.pop(name).end()

    until, first = time.monotonic() + PATIENCE, list(children.values())
    more = {f"shared {number}": Child("shared", *family) for number in range(2, max(SHARING) + 1)}
    ready(more, until)
    together, models = [*first, *more.values()], family.seeds * len(PAPER)
    for count in [count for count in SHARING if count <= len(together)]:
        for each in together[:count]:
            each.tell()
        rate = sum(each.answer() for each in together[:count]) * models
        metric = f"GPU training: {', '.join(PAPER)}, {family.seeds} seeds each, {count} processes at once"
        yield table.single(metric, rate, "seed-steps/s")
    for each in together:
        each.end()


def main() -> int:
    """Measure, or say that it was not; keep the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--child", type=json.loads, help="be a process that is measured")
    chosen = parser.parse_args()
    if chosen.child:
        child(*chosen.child)
        return 0
    import torch

    if not torch.cuda.is_available():
        goals = {RATE: 1.0, EAGER: GOALS["eager"], ALONE: GOALS["alone"]}
        table.publish([table.missing(metric, "seed-steps/s", goal, "NVIDIA H200") for metric, goal in goals.items()])
        return 0
    device = torch.cuda.get_device_name()
    for row in rows():
        table.publish([row | {"device": device}], device)
    return 0


if __name__ == "__main__":
    sys.exit(main())
