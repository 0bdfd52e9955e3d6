"""Small files of the true layout of every D4RL dataset in workflow/resources/d4rl_files.csv.

The layouts are those that the datasets' public catalogue lists (TensorFlow Datasets, d4rl_*; the kitchen's from its own
file): names, widths, kinds, what is recorded beside the steps, and what is not. Values are made up, but an observation
is the state it stands for, so that `infos/qpos` and `infos/qvel` belong to it.
"""

import csv
import hashlib
from collections.abc import Iterable
from pathlib import Path

import h5py
import numpy as np

EPISODE = 20  # rows of an episode, but for the last of a file or of a concatenated half
QPOS = {"hopper": 6, "halfcheetah": 9, "walker2d": 9}
QVEL = {"hopper": 6, "halfcheetah": 9, "walker2d": 9}
ACTIONS = {"hopper": 3, "halfcheetah": 6, "walker2d": 6}
HEIGHT = {"hopper": 1.25, "walker2d": 1.25}  # of the root, where a state stands upright
FALLS = ("hopper", "walker2d")  # whose episodes may end in a terminal
PEN_HIDDEN = {"cloned": 256, "expert": 64}

Arrays = dict[str, np.ndarray | bytes]


def write_file(name: str, path: Path, rows: int, seed: int) -> Path:
    """Write a dataset's file: `rows` steps in the true layout, the same bytes of arrays for the same arguments."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for key, array in contents(name, rows, seed).items():
            packed = {"compression": "gzip"} if np.ndim(array) else {}
            file.create_dataset(key, data=array, **packed)
    return path


def write_mirror(folder: Path, table: Path, rows: int, seed: int, names: Iterable[str] | None = None) -> None:
    """Write the files of a table (or those of `names`) under `folder`, their sizes and checksums into the table."""
    with table.open(newline="", encoding="utf-8") as file:
        found = [row for row in csv.DictReader(file) if names is None or row["dataset"] in set(names)]
    for row in found:
        path = write_file(row["dataset"], folder / row["path"], rows, seed)
        row |= {"bytes": str(path.stat().st_size), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, found[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)


def contents(name: str, rows: int, seed: int) -> Arrays:
    """A dataset's arrays by their place in the file."""
    make = {"antmaze": _antmaze, "kitchen": _kitchen, "pen": _pen}.get(name.partition("-")[0], _gym)
    return make(name, rows, np.random.default_rng(seed))


def last_rows(name: str, rows: int) -> np.ndarray:
    """The last row of every episode, whether or not the file marks it; a medium-expert file is two files in one."""
    halves = [rows // 2, rows - rows // 2] if "medium-expert" in name else [rows]
    starts = np.cumsum([0, *halves[:-1]])
    ends = [
        start + np.append(np.arange(EPISODE, half, EPISODE), half) - 1
        for start, half in zip(starts, halves, strict=True)
    ]
    return np.concatenate(ends)


def _chains(ends: np.ndarray, make: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """States (rows, width) and what follows each: `make` holds a state per row and one more per episode."""
    first = np.concatenate([[0], ends[:-1] + 1])
    rows = np.concatenate(
        [np.arange(start, end + 1) + number for number, (start, end) in enumerate(zip(first, ends, strict=True))]
    )
    return make[rows], make[rows + 1]


def _marks(rows: int, ends: np.ndarray) -> np.ndarray:
    flags = np.zeros(rows, bool)
    flags[ends] = True
    return flags


def _gym(name: str, rows: int, generator: np.random.Generator) -> Arrays:
    domain, _, kind = name.removesuffix("-v2").partition("-")
    precision = np.float64 if "replay" in kind else np.float32
    ends, upright = last_rows(name, rows), HEIGHT.get(domain, 0.0)
    states = generator.normal(scale=0.1, size=(rows + len(ends), QPOS[domain] + QVEL[domain]))
    states[:, 1] += upright
    shown = states.astype(np.float32).astype(precision)
    now, following = _chains(ends, shown)
    marked = ends[ends < rows - 1]  # the end of the recording is not marked
    if kind == "medium-expert":
        marked = marked[marked != rows // 2 - 1]  # nor is the end of its first half
    if kind == "medium-replay":
        marked = np.delete(marked, slice(2, 3))  # nor is every reset in a buffer of experience
    falls = marked[::2] if domain in FALLS else marked[:0]
    steps = {
        "observations": now[:, 1:],
        "next_observations": following[:, 1:],
        "actions": np.clip(generator.normal(scale=0.7, size=(rows, ACTIONS[domain])), -1, 1),
        "rewards": generator.normal(1.0, 0.5, size=rows),
        "infos/action_log_probs": generator.normal(size=rows),
        "infos/qpos": now[:, : QPOS[domain]],
        "infos/qvel": now[:, QPOS[domain] :],
    }
    flags = {"terminals": _marks(rows, falls), "timeouts": _marks(rows, np.setdiff1d(marked, falls))}
    return {key: array.astype(precision) for key, array in steps.items()} | flags | _gym_metadata(kind, shown, domain)


def _gym_metadata(kind: str, states: np.ndarray, domain: str) -> Arrays:
    """Who collected the data: nothing of random and of concatenated data, no policy of a replay buffer."""
    if kind in ("random", "medium-expert"):
        return {}
    found: Arrays = {"metadata/algorithm": b"SAC", "metadata/iteration": np.int32(1)}
    if "replay" in kind:
        return found
    width = states.shape[1] - 1
    layers = {
        "fc0": (256, width),
        "fc1": (256, 256),
        "last_fc": (ACTIONS[domain], 256),
        "last_fc_log_std": (ACTIONS[domain], 256),
    }
    return found | _policy(layers)


def _policy(layers: dict[str, tuple[int, int]]) -> Arrays:
    found: Arrays = {"metadata/policy/nonlinearity": b"relu", "metadata/policy/output_distribution": b"tanh_gaussian"}
    for layer, shape in layers.items():
        found[f"metadata/policy/{layer}/weight"] = np.zeros(shape, np.float32)
        found[f"metadata/policy/{layer}/bias"] = np.zeros(shape[0], np.float32)
    return found


def _antmaze(name: str, rows: int, generator: np.random.Generator) -> Arrays:
    """No next observations; -v0 marks no time-out that could be used."""
    ends = last_rows(name, rows)
    goals, count = ends[::2], rows + len(ends)  # every second episode reaches the goal
    states = generator.normal(scale=0.1, size=(count, 29))
    states[:, 2:7] += (0.75, 1.0, 0.0, 0.0, 0.0)  # height, and a quaternion that stands
    now, _ = _chains(ends, states)
    steps = np.arange(rows) - np.concatenate([[0], ends[:-1] + 1])[np.searchsorted(ends, np.arange(rows))]
    now[:, 0] += 0.3 * steps  # walks along x, and starts again
    reached = _marks(rows, goals)
    marked = np.setdiff1d(ends[ends < rows - 1], goals)
    return {
        "observations": now.astype(np.float32),
        "actions": generator.uniform(-1, 1, (rows, 8)).astype(np.float32),
        "rewards": reached.astype(np.float32),
        "terminals": reached,
        "timeouts": _marks(rows, marked if name.endswith("-v2") else marked[:0]),
        "infos/goal": np.tile(np.float32([0.5, 8.5]), (rows, 1)),
        "infos/qpos": now[:, :15].astype(np.float32),
        "infos/qvel": now[:, 15:].astype(np.float32),
    }


def _kitchen(name: str, rows: int, generator: np.random.Generator) -> Arrays:
    """Rewards are counts so far; `infos` is an array, no group; no time-out is marked, the last row is a terminal."""
    ends = last_rows(name, rows)
    steps = np.arange(rows) - np.concatenate([[0], ends[:-1] + 1])[np.searchsorted(ends, np.arange(rows))]
    goal = np.tile(generator.normal(size=30), (rows, 1))
    done = 4 if "complete" in name else 3
    return {
        "observations": np.hstack([generator.normal(scale=0.5, size=(rows, 30)), goal]).astype(np.float32),
        "actions": generator.uniform(-1, 1, (rows, 9)).astype(np.float32),
        "rewards": np.minimum(steps // 5, done).astype(np.float32),
        "terminals": _marks(rows, ends),
        "timeouts": np.zeros(rows, bool),
        "infos": np.searchsorted(ends, np.arange(rows)).astype(np.int64),
    }


def _pen(name: str, rows: int, generator: np.random.Generator) -> Arrays:
    ends, kind = last_rows(name, rows), name.split("-")[1]
    infos = {"qpos": 30, "qvel": 30, "desired_orien": 4}
    infos |= {"action_mean": 24, "action_log_std": 24} if kind == "expert" else {}
    found: Arrays = {
        "observations": generator.normal(scale=0.5, size=(rows, 45)).astype(np.float32),
        "actions": generator.uniform(-1, 1, (rows, 24)).astype(np.float32),
        "rewards": generator.normal(size=rows).astype(np.float32),
        "terminals": np.zeros(rows, bool),
        "timeouts": _marks(rows, ends),
    }
    found |= {f"infos/{key}": generator.normal(size=(rows, width)).astype(np.float32) for key, width in infos.items()}
    if kind in PEN_HIDDEN:
        width = PEN_HIDDEN[kind]
        found |= {"metadata/algorithm": b"DAPG"} | _policy(
            {"fc0": (width, 45), "fc1": (width, width), "last_fc": (24, width)}
        )
    return found
