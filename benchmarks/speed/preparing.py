"""Preparing two million transitions on one core: `python benchmarks/speed/preparing.py`; see README.md beside."""

import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np
import table

from qdot.data.prepare import prepare

ROWS, EPISODE, PIECE, RUNS = 2_000_000, 1000, 100_000, 5
GOAL_SECONDS = 10.0  # per million
WIDTHS = {"observations": (17,), "actions": (6,), "rewards": (), "next_observations": (17,)}  # HalfCheetah's
VALUES = {"source": "file", "path": "large.hdf5", "action_bounds": [-1.0, 1.0], "clip_actions": True}


def write(path: Path) -> None:
    """A file in D4RL's layout, of noise, in pieces."""
    draw, ends = np.random.default_rng(0), np.arange(1, ROWS + 1) % EPISODE == 0
    with h5py.File(path, "w") as file:
        for name, width in WIDTHS.items():
            file.create_dataset(name, (ROWS, *width), np.float32)
            for start in range(0, ROWS, PIECE):
                file[name][start : start + PIECE] = np.tanh(draw.standard_normal((PIECE, *width), dtype=np.float32))
        file["terminals"], file["timeouts"] = np.zeros(ROWS, bool), ends


def main() -> int:
    """Measure, print and keep."""
    seconds = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder / "large.hdf5")
        for _ in range(RUNS):
            start = time.perf_counter()
            made = prepare("large", VALUES, {}, folder / "prepared", folder, "d" * 64, folder)
            seconds.append((time.perf_counter() - start) * 1e6 / made["transitions"])
    metric = "study: preparing a million transitions, checksum included, beside the goal's 10 s"
    row = table.row(metric, seconds, [GOAL_SECONDS] * RUNS, "s", None, 1.0)
    table.publish([row])
    return 0


if __name__ == "__main__":
    sys.exit(main())
