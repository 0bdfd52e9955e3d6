"""Evaluation beside the simulator alone: `python benchmarks/evaluation/rates.py [ENVIRONMENT ...]`."""

import argparse
import multiprocessing
import sys
import time
from collections.abc import Callable
from typing import Any

import gymnasium
import table
import torch
from ways import Replay, bare, block, commands, draw_actions, network, plain

import qdot.envs  # noqa: F401 - registers ours
from qdot.evaluation.rollout import block_size, make_environments

RUNS, GOAL, SPEEDUP_GOAL = 7, 0.85, 1.7
UPRIGHT_OR_NOT = {"terminate_when_unhealthy": False}  # random actions fall; a policy worth scoring does not
STEPS: dict[str, tuple[int, dict[str, Any]]] = {  # of an episode
    "Hopper-v4": (300, UPRIGHT_OR_NOT),
    "Walker2d-v4": (300, UPRIGHT_OR_NOT),
    "HalfCheetah-v4": (300, {}),
    "qdot/hopper-v2": (300, UPRIGHT_OR_NOT),
    "qdot/walker2d-v2": (300, UPRIGHT_OR_NOT),
    "qdot/halfcheetah-v2": (300, {}),
    "qdot/antmaze-umaze-v2": (150, {}),
    "qdot/kitchen-complete-v0": (40, {}),
}
Way = Callable[[], float]


def register(name: str) -> str:
    """An environment as it is, with episodes of this benchmark's length."""
    spec, (steps, values) = gymnasium.spec(name), STEPS[name]
    own = f"Benchmark-{name.replace('/', '-')}"
    gymnasium.register(own, spec.entry_point, kwargs=spec.kwargs | values, max_episode_steps=steps)
    return own


def ways_of(name: str) -> dict[str, Way]:
    """The ways to compare, each on the same commands."""
    environments = make_environments(register(name), block_size(name))
    actions = draw_actions(environments, STEPS[name][0])
    motors, end = commands(environments, actions)
    policies = {
        f"{algorithm} {readout}": (network(algorithm, environments[0]), readout)
        for algorithm, readout in (("bc", "policy"), ("qdot", "map"))
    }
    found: dict[str, Way] = {
        "bare": lambda: bare(environments, motors, end),
        "plain": lambda: plain(environments, actions),
        "block": lambda: block(environments, Replay(actions)),
        "stepwise": lambda: block(environments, Replay(actions), stepwise=True),
    }
    for label, (policy, readout) in policies.items():
        found[label] = lambda policy=policy, readout=readout: block(environments, Replay(actions, policy), readout)
    return found


def measure(ways: dict[str, Way], runs: int = RUNS) -> dict[str, list[float]]:
    """Seconds of each run of each way, taken in turn."""
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(runs):
        for way, timed in ways.items():
            seconds[way].append(timed())
    return seconds


def rows_of(name: str, seconds: dict[str, list[float]]) -> list[table.Row]:
    """A row per comparison; rates in environment steps per CPU second."""
    steps = block_size(name) * STEPS[name][0]
    pairs = [
        ("block, actions given, beside bare mj_step", "block", "bare", GOAL),
        ("block beside stepping one by one", "block", "stepwise", ""),
        ("plain Gymnasium loop beside bare mj_step", "plain", "bare", ""),
        ("block, bc's 256x256 network, beside bare mj_step", "bc policy", "bare", ""),
        ("block, qdot's map, 256x256, beside bare mj_step", "qdot map", "bare", ""),
    ]
    return [
        row(f"evaluation {name}: {text}", seconds[ours], seconds[peer], steps, goal) for text, ours, peer, goal in pairs
    ]


def row(metric: str, ours: list[float], peer: list[float], steps: float, goal: Any, threads: int = 1) -> table.Row:
    """A comparison of rates; the physics is in double precision."""
    return table.row(metric, ours, peer, "steps/s", steps, goal, threads, "float64")


def _worker(name: str, turns: Any, done: Any) -> None:
    """Run the way that is asked for, once per turn."""
    torch.set_num_threads(1)
    ways = ways_of(name)
    done.put(None)
    while way := turns.get():
        ways[way]()
        done.put(None)


def two_cores(name: str) -> list[table.Row]:
    """Steps per second of wall time in two processes beside one, for the bare loop and for blocks."""
    context = multiprocessing.get_context("spawn")
    turns, done = [context.Queue(), context.Queue()], context.Queue()
    workers = [context.Process(target=_worker, args=(name, turn, done)) for turn in turns]
    for worker in workers:
        worker.start()
    for _ in workers:
        done.get()
    seconds: dict[tuple[str, int], list[float]] = {}
    for _ in range(RUNS):
        for way in ("bare", "block"):
            for count in (1, 2):
                start = time.perf_counter()
                for turn in turns[:count]:
                    turn.put(way)
                for _ in range(count):
                    done.get()
                seconds.setdefault((way, count), []).append((time.perf_counter() - start) / count)
    for turn, worker in zip(turns, workers, strict=True):
        turn.put("")
        worker.join()
    steps, text = block_size(name) * STEPS[name][0], {"bare": "bare mj_step", "block": "block"}
    return [
        row(
            f"evaluation {name}: {text[way]}, two processes beside one (wall time)",
            seconds[way, 2],
            seconds[way, 1],
            steps,
            SPEEDUP_GOAL if way == "block" else "",
            2,
        )
        for way in ("bare", "block")
    ]


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("environments", nargs="*", help="of: " + ", ".join(STEPS))
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    for name in chosen.environments or STEPS:
        found = rows_of(name, measure(ways_of(name)))
        table.publish(found + two_cores(name), whole=(f"evaluation {name}: ",))
    return 0


if __name__ == "__main__":
    sys.exit(main())
