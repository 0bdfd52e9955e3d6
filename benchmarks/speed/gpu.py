"""Training on one GPU: `python benchmarks/speed/gpu.py`; see README.md beside. Without a GPU its rows say so."""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import table

RUNS, SECONDS, WARM_UP = 5, 2.0, 20
MODELS, COMPARED = (1, 5, 15, 30, 60, 90), 15
PAPER = ("qdot", "no_icnn", "adversarial")  # the methods of the paper that are trained, five seeds each
SHARING, FOR = (1, 2, 3), 10.0  # processes at once, and how long
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
        """Start it; several get ready at the same time."""
        command = [sys.executable, __file__, "--child", json.dumps([what, *values])]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def answer(self) -> Any:
        """Its next line, as JSON.

        Raises:
            RuntimeError: it ended before.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
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


def rows() -> list[table.Row]:
    """Rates from 1 to 90 models in one process, beside one plain model; and of processes that share the GPU."""
    kinds = {f"qdot, {count} models": Kind(["qdot"], count) for count in MODELS}
    kinds[f"qdot, {COMPARED} models, products in bfloat16"] = Kind(["qdot"], COMPARED, "bfloat16")
    kinds[f"qdot, {COMPARED} models, not compiled"] = Kind(["qdot"], COMPARED, "float32", False)
    family = Kind(PAPER, 5)
    children = {name: Child("kind", *kind) for name, kind in kinds.items()}
    limits, compared = Child("limits"), Child("compared")
    sharing = [Child("shared", *family) for _ in range(max(SHARING))]
    everyone = [*children.values(), limits, compared, *sharing]
    ready = dict(zip(everyone, [each.answer() for each in everyone], strict=True))

    found = []
    seconds = compared.measure()
    share = {count: [each / count for each in seconds[str(count)]] for count in (1, COMPARED)}
    goal = [1 / GOALS["rate"]] * RUNS
    found.append(table.row(RATE, share[COMPARED], goal, "seed-steps/s", 1, 1.0))
    found.append(table.row(EAGER, share[COMPARED], seconds["plain"], "seed-steps/s", 1, GOALS["eager"]))
    found.append(table.row(ALONE, share[COMPARED], share[1], "seed-steps/s", 1, GOALS["alone"]))
    rates, memory = {}, {}
    for name, kind in kinds.items():
        taken, memory[name] = children[name].measure()
        rates[name] = kind.seeds / statistics.median(taken)
        found.append(table.single(f"GPU training: {name}", rates[name], "seed-steps/s", precision=kind.precision))
    machine = {name: statistics.median(times) for name, times in limits.measure().items()}
    for each in (*children.values(), limits, compared):
        each.end()

    per_second = {name: 2 * COMPARED * 256**3 / machine[name] for name in ("float32", "bfloat16")}
    for name, rate in per_second.items():
        metric = f"GPU machine: products ({COMPARED} of 256x256)"
        found.append(table.single(f"{metric}, {name}", rate / 1e12, "TFLOP/s", precision=name))
    found.append(table.single("GPU machine: memory copied", 2 * 2**31 / machine["copy"] / 1e9, "GB/s"))
    one = operations()
    for name in (f"qdot, {COMPARED} models", f"qdot, {MODELS[-1]} models"):
        percent = 100 * rates[name] * one / per_second["float32"]
        found.append(table.single(f"GPU training: {name}, of the machine's products", percent, "%"))
        found.append(table.single(f"GPU training: {name}, memory", memory[name] / 2**30, "GiB"))
    compiling = ready[children[f"qdot, {COMPARED} models"]]
    found.append(table.single(f"GPU training: qdot, {COMPARED} models, compiling beside others", compiling, "s"))

    models = family.seeds * len(PAPER)
    for count in SHARING:
        for each in sharing[:count]:
            each.tell()
        rate = sum(each.answer() for each in sharing[:count]) * models
        metric = f"GPU training: {', '.join(PAPER)}, {family.seeds} seeds each, {count} processes at once"
        found.append(table.single(metric, rate, "seed-steps/s"))
    for each in sharing:
        each.end()
    return found


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
    table.publish([row | {"device": device} for row in rows()], device)
    return 0


if __name__ == "__main__":
    sys.exit(main())
