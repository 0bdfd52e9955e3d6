"""Training on one core beside peers: `python benchmarks/speed/training.py`; see README.md beside."""

import statistics
import sys
from collections.abc import Sequence
from typing import Any

import table
import torch
from contestants import Step, noise, ours, plain_qdot, stepping
from d3rlpy_iql import d3rlpy_iql
from limits import limits, moved, operations
from timing import seconds_per_step
from torchrl_iql import torchrl

from qdot.training.family import Family
from qdot.training.memory import keep_freed_memory

RUNS, SECONDS, WARM_UP, SEEDS = 7, 1.5, 3, 5
QDOT_GOAL, IQL_GOAL, ROUNDED_GOAL = 1.5, 2.2, 2.2
HOW = ("plain", "compiled")
ROUNDED = "qdot compiled bfloat16"
PEERS = {"d3rlpy": ("d3rlpy",), "torchrl": ("torchrl", "torchrl compiled")}  # the forms of each


def per_seed(seconds: Sequence[float], seeds: int) -> list[float]:
    """Of one seed's share of a step."""
    return [each / seeds for each in seconds]


def best(seconds: dict[str, list[float]], *names: str) -> list[float]:
    """The fastest of some contestants, by its median."""
    return min((seconds[name] for name in names), key=statistics.median)


def rows() -> list[table.Row]:
    """Our trainers beside peers; and what of the machine they use."""
    data, found = noise(), []
    families = {
        f"{name} {how}": ours([name], data, SEEDS, how == "compiled") for name in ("qdot", "iql") for how in HOW
    }
    families[ROUNDED] = ours(["qdot"], data, SEEDS, True, precision="bfloat16")
    steps: dict[str, Step] = {name: stepping(family) for name, family in families.items()}
    steps |= {"plain": plain_qdot(data)}
    steps |= {"d3rlpy": d3rlpy_iql(data), "torchrl": torchrl(data, False), "torchrl compiled": torchrl(data, True)}
    seconds = seconds_per_step(steps, RUNS, SECONDS, WARM_UP)
    mine = {name: per_seed(seconds[name], SEEDS) for name in families}

    def add(what: str, name: str, peer: Sequence[float], goal: Any = "", precision: str = "float32") -> None:
        found.append(table.row(f"training: {what}", mine[name], peer, "seed-steps/s", 1, goal, precision=precision))

    add("qdot, compiled, beside plain eager Q-DOT", "qdot compiled", seconds["plain"], QDOT_GOAL)
    add("qdot, not compiled, beside plain eager Q-DOT", "qdot plain", seconds["plain"])
    what = "qdot, compiled, products in bfloat16, beside plain eager Q-DOT"
    add(what, ROUNDED, seconds["plain"], ROUNDED_GOAL, "bfloat16")
    for peer, forms in PEERS.items():
        add(f"iql, compiled, beside {peer}'s best", "iql compiled", best(seconds, *forms), IQL_GOAL)
        add(f"iql, not compiled, beside {peer}'s, not compiled", "iql plain", seconds[peer])
    both = seconds["torchrl compiled"], seconds["torchrl"]
    found.append(table.row("training: torchrl's iql, compiled, beside not compiled", *both, "seed-steps/s", 1))
    return found + used(families, mine)


def used(families: dict[str, Family], seconds: dict[str, list[float]]) -> list[table.Row]:
    """What the machine can do, and how much of it each trainer uses; `seconds` of one seed's share of a step."""
    machine = limits(SEEDS, lambda chosen: seconds_per_step(chosen, RUNS, SECONDS, WARM_UP))
    found = [
        table.single("machine: products (256x256, batched)", machine["flops"] / 1e9, "GFLOP/s"),
        table.single("machine: memory copied", machine["bytes"] / 1e9, "GB/s"),
    ]
    for name, family in families.items():
        steps = 1 / (SEEDS * statistics.median(seconds[name]))
        precision = "bfloat16" if name == ROUNDED else "float32"
        products = steps * operations(families[f"{name.split()[0]} plain"]) / machine["flops"]
        memory = steps * moved(family) / machine["bytes"]
        shares = {"of the machine's products": products, "weights' traffic of the machine's bandwidth": memory}
        found += [
            table.single(f"training: {name}, {what}", 100 * share, "%", precision=precision)
            for what, share in shares.items()
        ]
    return found


def main() -> int:
    """Measure, print and keep."""
    torch.set_num_threads(1)
    keep_freed_memory()
    table.publish(rows(), whole=("training: ", "machine: "))
    return 0


if __name__ == "__main__":
    sys.exit(main())
