"""Single recorded steps with their simulator states, as precise as they were stored: what a one-step replay reads."""

import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from qdot.data.hdf5 import check_member, check_total, claimed_bytes, opened
from qdot.data.minari import read_minari
from qdot.data.npz import read_npz
from qdot.errors import DataError

Array = npt.NDArray[np.float64]

POSITIONS, VELOCITIES = "infos/qpos", "infos/qvel"
ENDS = ("terminals", "timeouts")
KEYS = ("observations", "actions", "next_observations", *ENDS, POSITIONS, VELOCITIES)
FORMATS = "an HDF5 file, an npz file, or the folder of a Minari dataset"


@dataclass(frozen=True)
class RecordedSteps:
    """Rows of a recording, n of them.

    Attributes:
        path: The file, for messages.
        rows: int64 (n,), number of each row in the file.
        observations: (n, obs), environment units.
        actions: (n, act), as recorded.
        next_observations: (n, obs); meaningless where not `known`.
        known: bool (n,), whether the row's next observation is recorded.
        positions: (n, nq), the simulator's state before the action where the file has it (`infos/qpos`), else None.
        velocities: (n, nv), `infos/qvel`.
    """

    path: Path
    rows: npt.NDArray[np.int64]
    observations: Array
    actions: Array
    next_observations: Array
    known: npt.NDArray[np.bool_]
    positions: Array | None = None
    velocities: Array | None = None

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.rows)


def spaced(total: int, wanted: int | None) -> npt.NDArray[np.int64]:
    """Evenly spaced numbers below `total`, in order: `wanted` of them, all where None or not as many exist."""
    count = total if wanted is None else min(wanted, total)
    return np.arange(count, dtype=np.int64) * total // max(count, 1)


def read_steps(path: Path, wanted: int | None = None) -> RecordedSteps:
    """Read steps of an HDF5 file in D4RL's layout, of an npz file with the same keys, or of a Minari folder.

    Needs `observations`, `actions`, and `next_observations`; without the last, the row below holds a row's next
    observation, unless `terminals` or `timeouts` says that the episode ended there. Reads `infos/qpos` and
    `infos/qvel` where both are present.

    Args:
        path: The file or folder.
        wanted: Take this many rows, evenly spaced over the file; None: all.

    Raises:
        DataError: the file is damaged, or a key is missing, of the wrong kind, length or not finite.
    """
    if path.is_dir():
        recording = read_minari(path).recording
        names = ("observations", "actions", "next_observations", "terminals")
        arrays: dict[str, Any] = {name: getattr(recording, name) for name in names}
        return _select(arrays | {"timeouts": recording.ends}, path, wanted)
    with _opened(path) as found:
        return _select(found, path, wanted)


@contextmanager
def _opened(path: Path) -> Iterator[Mapping[str, Any]]:
    """Arrays by key, not read yet where the format allows it."""
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); expected {FORMATS}") from error
    if h5py.is_hdf5(path):
        with opened(path) as hdf5:
            yield _members(hdf5, path)
    elif zipfile.is_zipfile(path):
        yield read_npz(path, KEYS)
    else:
        raise DataError(f"{path}: is no whole HDF5 or npz file (it starts with {head!r}); expected {FORMATS}")


def _members(file: h5py.File, path: Path) -> dict[str, h5py.Dataset]:
    """The datasets of an HDF5 file that a replay reads, none of which leads elsewhere."""
    found = {}
    for key in KEYS:
        folder, _, name = key.rpartition("/")
        if folder and folder in file:
            check_member(file, path, folder)
        group = file.get(folder) if folder else file
        if isinstance(group, h5py.Group) and name in group:  # some D4RL files have a dataset called `infos`
            check_member(group, path, name)
            if isinstance(group[name], h5py.Dataset):
                found[key] = group[name]
    check_total(path, sum(map(claimed_bytes, found.values())))
    return found


def _select(arrays: Mapping[str, Any], path: Path, wanted: int | None) -> RecordedSteps:
    """Evenly spaced rows of the arrays, checked."""
    total = _check(arrays, path)
    rows = spaced(total, wanted)
    if "next_observations" in arrays:
        known, following = np.ones(len(rows), bool), _rows(arrays["next_observations"], rows)
    else:
        ended = np.any([_flags(arrays[name], rows, path, name) for name in ENDS if name in arrays], axis=0)
        known = ~ended & (rows < total - 1)
        following = _rows(arrays["observations"], np.minimum(rows + 1, total - 1))
    states = POSITIONS in arrays and VELOCITIES in arrays
    steps = RecordedSteps(
        path,
        rows,
        _rows(arrays["observations"], rows),
        _rows(arrays["actions"], rows),
        following,
        known,
        _rows(arrays[POSITIONS], rows) if states else None,
        _rows(arrays[VELOCITIES], rows) if states else None,
    )
    _check_finite(steps)
    return steps


def _check(arrays: Mapping[str, Any], path: Path) -> int:
    """Refuse missing keys, other shapes than (rows, width) and other kinds than numbers; returns the number of rows."""
    present = ", ".join(arrays) or "nothing that is read here"
    for key in ("observations", "actions"):
        if key not in arrays:
            raise DataError(f"{path}: {key}: missing; found {present}; expected observations, actions")
    if not {"next_observations", *ENDS} & set(arrays):
        raise DataError(
            f"{path}: next_observations: missing; found {present}; expected it, or {' or '.join(ENDS)} to know which "
            "rows continue in the row below"
        )
    total = len(arrays["observations"]) if arrays["observations"].shape else 0
    for key, array in arrays.items():
        dimensions, kinds = (1, "biuf") if key in ENDS else (2, "f")
        if array.ndim != dimensions or array.shape[0] != total or 0 in array.shape:
            expected = f"({total or 'rows'}, width)" if dimensions == 2 else f"({total or 'rows'},)"
            raise DataError(f"{path}: {key}: shape {array.shape}; expected {expected}, a row per observation")
        if array.dtype.kind not in kinds or array.dtype.itemsize > 8:
            raise DataError(f"{path}: {key}: dtype {array.dtype}; expected float32 or float64, of ends booleans")
    if "next_observations" in arrays and arrays["next_observations"].shape != arrays["observations"].shape:
        shapes = [arrays[key].shape for key in ("next_observations", "observations")]
        raise DataError(f"{path}: next_observations: shape {shapes[0]}; expected {shapes[1]}, as observations has")
    return int(total)


def _rows(array: Any, rows: npt.NDArray[np.int64]) -> Array:
    """Rows as float64; HDF5 wants each once and in order."""
    unique, back = np.unique(rows, return_inverse=True)
    whole = len(unique) == len(array)
    return np.asarray(array[()] if whole else array[unique], dtype=np.float64)[back]


def _flags(array: Any, rows: npt.NDArray[np.int64], path: Path, key: str) -> npt.NDArray[np.bool_]:
    """Rows of zeros and ones as truth values."""
    values = _rows(array, rows)
    if not np.isin(values, (0, 1)).all():
        raise DataError(f"{path}: {key}: holds {values[~np.isin(values, (0, 1))][0]}; expected 0 and 1")
    return values.astype(bool)


def _check_finite(steps: RecordedSteps) -> None:
    """Refuse values that no simulator can step from."""
    names = {"positions": POSITIONS, "velocities": VELOCITIES}
    for entry in fields(RecordedSteps)[2:]:
        array = getattr(steps, entry.name)
        if array is None or entry.name == "known":
            continue
        bad = ~np.isfinite(array).all(axis=1)
        if entry.name == "next_observations":
            bad &= steps.known
        if bad.any():
            key = names.get(entry.name, entry.name)
            raise DataError(
                f"{steps.path}: {key}: row {steps.rows[np.argmax(bad)]}: not finite; expected finite numbers "
                f"({int(bad.sum()):,} bad rows of {len(bad):,})"
            )
