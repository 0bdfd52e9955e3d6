"""Reading HDF5 files in D4RL's layout, without trusting what their headers claim."""

import itertools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import h5py
import numpy as np
import numpy.typing as npt

from qdot.data.arrays import BLOCK
from qdot.data.recording import Flags, Floats, Recording
from qdot.errors import DataError

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"  # a file's first bytes
REQUIRED = ("observations", "actions", "rewards", "terminals")
MAX_BYTES = 8 << 30  # of all arrays in memory
MAX_CHUNK = 64 << 20  # bytes of a chunk that holds less; the library makes room for the whole of it
MAX_COMPRESSION = 1100  # deflate cannot do better than 1032 to 1
TOLERANCE = 1e-6  # distance at which a row no longer continues the one before: lineage (IQL)
SHOWN = 20  # names of a group that a message lists
MAX_BREAKS = 0.5  # share of rows: beyond it the rows are in no order

# Where episodes end, beside terminals: at marked time-outs alone; also where recorded next observations do not
# continue, if no time-out is marked; the same wherever they are recorded; the same, and they must be recorded.
Split = Literal["flags", "unmarked", "recorded", "continuity"]


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """An HDF5 file for reading; what the library cannot read becomes a DataError that names the file."""
    try:
        with h5py.File(path, "r") as file:
            yield file
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    # TypeError: a kind that numpy has none for. MemoryError: a length that no file holds.
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(
            f"{path}: truncated, damaged or no HDF5 file ({reason}); delete it and fetch it again"
        ) from error


def read_d4rl(path: Path, split: Split = "unmarked", stride: float | None = None) -> Recording:
    """Read a file in D4RL's layout: flat arrays with a row per step.

    Needs `observations`, `actions`, `rewards`, `terminals`; reads `timeouts` and `next_observations` where present;
    other members are ignored. Each array is in memory once, as float32.

    Args:
        path: The file.
        split: Where episodes end beside terminals (see `Split`).
        stride: Without next observations, an episode also ends where the first two observations (a torso's place, in
            metres) move farther than this to the next row: nothing else shows an end that no time-out marks.

    Raises:
        DataError: the file is damaged, a key is missing, of the wrong kind, or claims more than the file can hold.
    """
    with opened(path) as file:
        keys = {name: member(file, path, name) for name in REQUIRED}
        keys |= {name: member(file, path, name) for name in ("timeouts", "next_observations") if name in file}
        check_total(path, sum(map(claimed_bytes, keys.values())))
        rows = {name: dataset.shape[0] for name, dataset in keys.items()}
        if len(set(rows.values())) > 1:
            found = ", ".join(f"{name} {count:,}" for name, count in rows.items())
            raise DataError(f"{path}: lengths differ: {found}; expected one row per step in each")
        marked = _flags(keys["timeouts"], path) if "timeouts" in keys else np.zeros(rows["observations"], bool)
        recording = Recording(
            path=path,
            observations=_floats(keys["observations"], path),
            actions=_floats(keys["actions"], path),
            rewards=_floats(keys["rewards"], path, integers=True),
            terminals=_flags(keys["terminals"], path),
            ends=marked.copy(),
            next_observations=_floats(keys["next_observations"], path) if "next_observations" in keys else None,
            marked=marked,
            keys={"ends": "timeouts"},
        )
    _mark_unmarked_ends(recording, split, stride)
    return recording


def _mark_unmarked_ends(recording: Recording, split: Split, stride: float | None) -> None:
    """Add to `ends` the rows that the next row does not continue."""
    path, observations, following = recording.path, recording.observations, recording.next_observations
    if split == "continuity" and following is None:
        raise DataError(f"{path}: next_observations: missing; `episode_split: continuity` needs it")
    if split == "flags":
        return
    if following is None:
        if stride is not None:
            recording.ends[jumps(observations, stride)] = True
    elif split != "unmarked" or not recording.ends.any():
        found = breaks(observations, following)
        if len(found) > MAX_BREAKS * len(observations):
            raise DataError(
                f"{path}: next_observations: {len(found):,} of {len(observations):,} rows are not continued by the "
                "next row; expected rows in the order of recording, or `episode_split: flags` to read time-outs alone"
            )
        recording.ends[found] = True


def breaks(observations: Floats, next_observations: Floats, tolerance: float = TOLERANCE) -> npt.NDArray[np.intp]:
    """Rows whose next observation is not the next row's observation (distance > tolerance; 1e-6 as in IQL)."""
    if observations.shape != next_observations.shape or observations.ndim != 2:
        return np.zeros(0, np.intp)  # rejected by the shape checks
    return _apart(observations[1:], next_observations[:-1], tolerance)


def jumps(observations: Floats, stride: float) -> npt.NDArray[np.intp]:
    """Rows from which the first two observations move farther than `stride` to the next row."""
    if observations.ndim != 2 or observations.shape[1] < 2:
        return np.zeros(0, np.intp)  # rejected by the shape checks
    return _apart(observations[1:, :2], observations[:-1, :2], stride)


def _apart(first: Floats, second: Floats, distance: float) -> npt.NDArray[np.intp]:
    """Rows in which two arrays lie farther apart than `distance`, a block of rows at a time."""
    found = [
        start
        + np.flatnonzero(
            np.linalg.norm(first[start : start + BLOCK] - second[start : start + BLOCK], axis=1) > distance
        )
        for start in range(0, len(first), BLOCK)
    ]
    return np.concatenate(found) if found else np.zeros(0, np.intp)


def member(group: h5py.Group, path: Path, name: str) -> h5py.Dataset:
    """A dataset that lies in this very file.

    Raises:
        DataError: it is missing, no dataset with a row per step, or refused by `check_member`.
    """
    if name not in group:
        found = ", ".join(map(repr, itertools.islice(group, SHOWN))) or "nothing"
        expected = f"; expected {', '.join(REQUIRED)}" if name in REQUIRED and group.name == "/" else ""
        raise DataError(f"{path}: {_key(group, name)}: missing; found {found}{expected}")
    check_member(group, path, name)
    found = group[name]
    if not isinstance(found, h5py.Dataset):
        raise DataError(f"{path}: {_key(group, name)}: is a group; expected a dataset with a row per step")
    if not found.shape:
        raise DataError(f"{path}: {_key(group, name)}: is a single value; expected a row per step")
    return found


def subgroup(group: h5py.Group, path: Path, name: str) -> h5py.Group:
    """A group that lies in this very file.

    Raises:
        DataError: it is missing, or no group, or a link.
    """
    if name not in group:
        raise DataError(f"{path}: {_key(group, name)}: missing; expected a group")
    check_member(group, path, name)
    found = group[name]
    if not isinstance(found, h5py.Group):
        raise DataError(f"{path}: {_key(group, name)}: is no group; expected one")
    return found


def check_member(group: h5py.Group, path: Path, name: str) -> None:
    """Refuse links that lead elsewhere and datasets larger than their stored bytes can be.

    A link's kind is asked for before anything follows it: what it leads to may be a pipe, or another's file.

    Raises:
        DataError: a soft, external or virtual member, or a header that claims what the file cannot hold.
    """
    key = _key(group, name)
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise DataError(f"{path}: {key}: is a link to elsewhere; expected the data in this file")
    found = group[name]
    if not isinstance(found, h5py.Dataset):
        return
    if found.is_virtual or found.external:
        raise DataError(f"{path}: {key}: its data lies in another file; expected it in this one")
    # Of contiguous data the header alone says how much is stored.
    stored = min(found.id.get_storage_size(), path.stat().st_size)
    claimed, chunk = claimed_bytes(found), math.prod(found.chunks or ()) * found.dtype.itemsize
    allowed = stored * MAX_COMPRESSION if found.chunks else stored
    if claimed > MAX_BYTES or claimed > allowed or chunk > max(allowed, MAX_CHUNK):
        chunks = f" in chunks of {chunk:,} bytes" if found.chunks else ""
        raise DataError(
            f"{path}: {key}: header claims shape {found.shape} ({claimed:,} bytes{chunks}) but {stored:,} bytes are "
            f"stored; the file is damaged, or larger than the {MAX_BYTES:,} bytes that are read"
        )


def claimed_bytes(dataset: h5py.Dataset) -> int:
    """Size of a dataset in memory, as its header has it."""
    return math.prod(dataset.shape or (0,)) * dataset.dtype.itemsize


def check_total(path: Path, claimed: int) -> None:
    """Refuse to read more than `MAX_BYTES` in all: one small piece of a file can be many times a dataset.

    Raises:
        DataError: it is more.
    """
    if claimed > MAX_BYTES:
        raise DataError(f"{path}: claims {claimed:,} bytes in all; at most {MAX_BYTES:,} are read")


def _key(group: h5py.Group, name: str) -> str:
    return f"{group.name.rstrip('/')}/{name}".lstrip("/")


def _floats(dataset: h5py.Dataset, path: Path, integers: bool = False) -> Floats:
    """A dataset as float32; float64 is rounded, integers only where asked for."""
    check_kind(dataset, path, "fiub" if integers else "f")
    with np.errstate(over="ignore"):  # beyond float32 becomes infinite, which the checks reject
        return dataset.astype(np.float32)[()]


def check_kind(dataset: h5py.Dataset, path: Path, kinds: str) -> None:
    """Refuse numbers of other kinds than wanted, and whatever is no number.

    Raises:
        DataError: names the key and its kind.
    """
    if dataset.dtype.kind not in kinds or dataset.dtype.itemsize > 8:
        raise DataError(
            f"{path}: {dataset.name.lstrip('/')}: dtype {dataset.dtype}; expected float32 or float64 (discrete actions "
            "and pixel observations are not supported)"
        )


def _flags(dataset: h5py.Dataset, path: Path) -> Flags:
    """A dataset of booleans, or of numbers that are 0 or 1."""
    name = dataset.name.lstrip("/")
    if dataset.dtype.kind not in "biuf" or dataset.dtype.itemsize > 8:
        raise DataError(f"{path}: {name}: dtype {dataset.dtype}; expected booleans, or numbers 0 and 1")
    values = dataset[()]
    bad = (values != 0) & (values != 1)
    if np.any(bad):
        row = int(np.argmax(bad.reshape(len(values), -1).any(axis=1)))
        raise DataError(
            f"{path}: {name}: row {row}: value {values[row]}; expected 0 or 1 ({int(bad.sum()):,} bad values)"
        )
    return values.astype(bool)
