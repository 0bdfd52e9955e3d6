"""Actions on the scale that policies are trained on: [-1, 1]."""

from typing import Any

import numpy as np
import numpy.typing as npt

from qdot.data.recording import Floats, Recording
from qdot.errors import DataError

CLIP = np.float32(1.0 - 1e-5)  # lineage (IQL): dataset actions are clipped to +-(1 - 1e-5)
TOLERANCE = 1e-6  # rounding of bounds, on the [-1, 1] scale


def bounds_from_value(value: Any, width: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """(low, high), each (act,), from `action_bounds: [low, high]`; None means [-1, 1].

    Raises:
        DataError: no two finite numbers, low below high.
    """
    low, high = (-1.0, 1.0) if value is None else (float(value[0]), float(value[1]))
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise DataError(f"action_bounds: found [{low:g}, {high:g}]; expected two finite numbers, the lower first")
    return np.full(width, low), np.full(width, high)


def rescale(
    recording: Recording, low: npt.NDArray[np.float64], high: npt.NDArray[np.float64], clip: bool
) -> tuple[Floats, int]:
    """Map actions from [low, high] to [-1, 1], then keep them inside.

    Args:
        recording: Its actions are (steps, act), environment units.
        low: (act,) lower bounds.
        high: (act,) upper bounds.
        clip: Clip to +-(1 - 1e-5); without it, an action outside its bounds is an error.

    Returns:
        float32 (steps, act), and how many values the clipping changed.

    Raises:
        DataError: an action lies outside its bounds and `clip` is off.
    """
    actions = recording.actions
    if not (np.all(low == -1.0) and np.all(high == 1.0)):
        actions = (2.0 * (actions - low) / (high - low) - 1.0).astype(np.float32)
    if clip:
        changed = int(np.count_nonzero(np.abs(actions) > CLIP))
        return np.clip(actions, -CLIP, CLIP), changed
    outside: npt.NDArray[np.bool_] = np.abs(actions) > 1.0 + TOLERANCE
    if outside.any():
        rows: npt.NDArray[np.bool_] = np.any(outside, axis=1)
        row = int(np.argmax(rows))
        column = int(np.argmax(outside[row]))
        found = f"value {recording.actions[row, column]:g} in column {column}"
        expected = f"[{low[column]:g}, {high[column]:g}], or clip_actions: true"
        raise recording.reject("actions", rows, found, expected)
    return np.clip(actions, np.float32(-1.0), np.float32(1.0)), 0
