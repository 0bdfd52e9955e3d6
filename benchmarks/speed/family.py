"""Algorithms of one dataset side by side, and one by one: `python benchmarks/speed/family.py`; see README.md beside."""

import argparse
import os
import subprocess
import sys

MEMBERS = ("qdot", "no_icnn", "ddpg_bc", "iql", "bc", "adversarial")
SEEDS, STEPS, RUNS, GOAL = 3, 2000, 5, 1.33
HIDDEN = (64, 64)  # of the suites that run on a CPU in minutes


def run(names: list[str]) -> None:
    """Train, as a process of its own."""
    import torch  # here: the process that measures needs none
    from contestants import noise, ours, stepping

    from qdot.training.memory import keep_freed_memory

    torch.set_num_threads(1)
    keep_freed_memory()
    step = stepping(ours(names, noise(), SEEDS, compiled=False, hidden=list(HIDDEN)))
    for _ in range(STEPS):
        step()


def seconds(names: list[str]) -> float:
    """CPU seconds of such a process, from its start to its end."""
    before = os.times()
    subprocess.run([sys.executable, __file__, "--run", *names], check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def main() -> int:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", nargs="+", help="train these, measure nothing")
    chosen = parser.parse_args()
    if chosen.run:
        run(chosen.run)
        return 0
    import table

    together, apart = [], []
    for _ in range(RUNS):
        together.append(seconds(list(MEMBERS)))
        apart.append(sum(seconds([name]) for name in MEMBERS))
    metric = f"family: {len(MEMBERS)} algorithms, {STEPS} steps, {SEEDS} seeds, 64x64, beside its members run apart"
    row = table.row(metric, together, apart, "s of CPU", None, GOAL)
    table.publish([row])
    return 0


if __name__ == "__main__":
    sys.exit(main())
