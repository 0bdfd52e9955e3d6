"""A dataset is prepared in little more memory than its own arrays take once."""

import subprocess
import sys
import tracemalloc
from pathlib import Path

import h5py
import numpy as np
import pytest

from qdot.data.prepare import prepare

TOP = Path(__file__).parents[2]
VALUES = {"source": "file", "path": "large.hdf5", "clip_actions": True}
LIMIT = 2.5 * 2**30  # bytes, for two million steps of HalfCheetah's widths
CHILD = """
import resource, sys
from pathlib import Path
from qdot.data.prepare import prepare
folder = Path(sys.argv[1])
values = {"source": "file", "path": "large.hdf5", "clip_actions": True}
made = prepare("large", values, {}, folder / "prepared", folder, "d" * 64, folder)
print(made["transitions"], made["episodes"], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def write(path: Path, rows: int, precision: type = np.float32) -> int:
    """A file of halfcheetah-medium-expert's widths, written in pieces; returns the bytes of its prepared arrays."""
    widths = {"observations": 17, "next_observations": 17, "actions": 6}
    generator, piece = np.random.default_rng(0), 100_000
    with h5py.File(path, "w") as file:
        made = {
            name: file.create_dataset(name, (rows, width), precision, chunks=(5000, width))
            for name, width in widths.items()
        }
        file["rewards"] = generator.normal(size=rows).astype(np.float32)
        file["terminals"] = np.zeros(rows, bool)
        file["timeouts"] = np.arange(rows) % 1000 == 999
        for start in range(0, rows, piece):
            size = min(piece, rows - start)
            for name, width in widths.items():
                made[name][start : start + size] = np.clip(
                    generator.standard_normal((size, width), np.float32), -0.9, 0.9
                )
        made["observations"][1:] = made["next_observations"][:-1]
    return rows * 4 * (sum(widths.values()) + 2)


@pytest.mark.parametrize("precision", [np.float32, np.float64])
def test_arrays_are_in_memory_once(tmp_path: Path, precision: type) -> None:
    """Blocks, flags and row numbers are what comes on top; a second copy would double it."""
    size = write(tmp_path / "large.hdf5", 400_000, precision)
    tracemalloc.start()
    try:
        made = prepare("large", VALUES, {}, tmp_path / "prepared", tmp_path, "d" * 64, tmp_path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert made["transitions"] == 400_000
    assert size < peak < 1.6 * size


@pytest.mark.slow
def test_two_million_steps_stay_within_the_limit(tmp_path: Path) -> None:
    write(tmp_path / "large.hdf5", 2_000_000)
    command = [sys.executable, "-c", CHILD, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONPATH": str(TOP / "src")})
    transitions, episodes, peak = map(int, done.stdout.split())
    assert (transitions, episodes) == (2_000_000, 2000)
    assert 300e6 < peak < LIMIT
