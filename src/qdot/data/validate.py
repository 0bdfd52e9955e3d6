"""Checks of recorded steps; each rejection names the file, the key, the first bad row and how many are bad."""

import numpy as np

from qdot.data.arrays import BLOCK
from qdot.data.recording import Recording
from qdot.errors import DataError


def check_recording(recording: Recording, widths: tuple[int, int] | None) -> None:
    """Reject a recording whose shapes or values cannot be trained on.

    Args:
        recording: What a reader gave.
        widths: (observation, action) width to expect, where known.

    Raises:
        DataError: names file, key and row.
    """
    check_shapes(recording, widths)
    check_finite(recording)


def check_shapes(recording: Recording, widths: tuple[int, int] | None) -> None:
    """Lengths agree, vectors are vectors, widths are the environment's."""
    path, steps = recording.path, len(recording)
    if steps == 0:
        raise DataError(f"{path}: holds no step; expected at least one transition")
    for key in ("observations", "actions", "next_observations", "rewards", "terminals", "ends"):
        array = getattr(recording, key)
        name = recording.keys.get(key, key)
        if array is None:
            continue
        dimensions = 2 if key in ("observations", "actions", "next_observations") else 1
        if array.ndim != dimensions or 0 in array.shape:
            shape = "(rows, width)" if dimensions == 2 else "(rows,)"
            raise DataError(f"{path}: {name}: shape {array.shape}; expected {shape}")
        if len(array) != steps:
            raise DataError(f"{path}: {name}: {len(array):,} rows; expected {steps:,}, as observations has")
    expected = {"next_observations": recording.observations.shape[1]}
    if widths is not None:
        expected |= {"observations": widths[0], "actions": widths[1]}
    for key, width in expected.items():
        array = getattr(recording, key)
        if array is not None and array.shape[1] != width:
            name = recording.keys.get(key, key)
            raise DataError(f"{path}: {name}: width {array.shape[1]}; expected {width}")


def check_finite(recording: Recording) -> None:
    """No NaN, no infinity, nothing beyond float32."""
    for key in ("observations", "actions", "rewards", "next_observations"):
        array = getattr(recording, key)
        if array is None:
            continue
        table = array.reshape(len(array), -1)
        bad = np.zeros(len(table), bool)
        for start in range(0, len(table), BLOCK):
            bad[start : start + BLOCK] = ~np.isfinite(table[start : start + BLOCK]).all(axis=1)
        if bad.any():
            row = table[np.argmax(bad)]
            column = int(np.argmin(np.isfinite(row)))
            found = f"value {row[column]} in column {column}" if array.ndim > 1 else f"value {row[column]}"
            raise recording.reject(key, bad, found, "finite float32 numbers")
