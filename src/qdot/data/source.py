"""Where a dataset comes from: each source ends in recorded steps and a record of their origin."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from qdot.data import d4rl
from qdot.data.actions import bounds_from_value
from qdot.data.fetch import address, fetch
from qdot.data.files import content_bytes, content_sha256
from qdot.data.hdf5 import Split, read_d4rl
from qdot.data.minari import PREFIX, fetch_minari, read_minari
from qdot.data.recording import Recording
from qdot.errors import DataError

log = logging.getLogger("qdot")

# verified: equals a published checksum; unverified: none is known; recorded: made here or given by the user.
Checksum = Literal["verified", "unverified", "recorded"]


@dataclass(frozen=True)
class Source:
    """Recorded steps and their origin.

    Attributes:
        recording: The steps.
        action_low: (act,) environment units of action -1.
        action_high: (act,) environment units of action 1.
        widths: (observation, action) width to expect, where known.
        path: Raw file or folder.
        origin: URL, id, recipe or path that names it.
        fetched_from: Where the bytes came from this time.
        sha256: Of the raw file, or of a folder's names and contents.
        bytes: Size.
        checksum: How far the bytes can be trusted.
    """

    recording: Recording
    action_low: npt.NDArray[np.float64]
    action_high: npt.NDArray[np.float64]
    widths: tuple[int, int] | None
    path: Path
    origin: str
    fetched_from: str
    sha256: str
    bytes: int
    checksum: Checksum


@dataclass(frozen=True)
class Request:
    """What to prepare: `dataset`, its resolved `values`, section `data` of params.yaml, where raw files lie."""

    dataset: str
    values: Mapping[str, Any]
    data_params: Mapping[str, Any]
    raw_directory: Path
    root: Path


def open_source(request: Request) -> Source:
    """Fetch, find or collect the dataset, and read it.

    Raises:
        DataError: no such source, or it cannot give the data.
    """
    readers: dict[str, Callable[[Request], Source]] = {
        "d4rl": _d4rl,
        "minari": _minari,
        "collect": _collect,
        "file": _file,
    }
    kind = request.values.get("source")
    if kind not in readers:
        raise DataError(f"{request.dataset}: source: found {kind!r}; expected one of {', '.join(readers)}")
    return readers[kind](request)


def _required(request: Request, key: str) -> Any:
    if request.values.get(key) is None:
        source = request.values["source"]
        raise DataError(f"{request.dataset}: {key}: missing; `source: {source}` needs it in the dataset's block")
    return request.values[key]


def _read_hdf5(
    request: Request, path: Path, split: Split, stride: float | None = None
) -> tuple[Recording, npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Read an HDF5 file; `split` says where episodes end unless the dataset's block does."""
    recording = read_d4rl(path, request.values.get("episode_split", split), stride)
    width = recording.actions.shape[-1] if recording.actions.ndim == 2 else 0
    return recording, *bounds_from_value(request.values.get("action_bounds"), width)


def _d4rl(request: Request) -> Source:
    file = d4rl.find_file(request.dataset, request.root)
    fetched = fetch(file, request.raw_directory, request.data_params)
    recording, low, high = _read_hdf5(request, fetched.path, "recorded", file.stride)
    url = address(request.data_params["base_url"], file.path)
    checksum: Checksum = "verified" if fetched.verified else "unverified"
    return Source(
        recording, low, high, file.widths, fetched.path, url, fetched.source, fetched.sha256, fetched.bytes, checksum
    )


def _from_folder(request: Request, folder: Path, origin: str, fetched_from: str, checksum: Checksum) -> Source:
    steps = read_minari(folder, request.values.get("observation_keys"))
    low, high = steps.action_low, steps.action_high
    if request.values.get("action_bounds") is not None:
        low, high = bounds_from_value(request.values["action_bounds"], len(low))
    if not (np.isfinite(low).all() and np.isfinite(high).all() and (low < high).all()):
        raise DataError(
            f"{folder}: action_space: bounds {low.tolist()} to {high.tolist()}; expected finite ones, or "
            "`action_bounds` in the dataset's block"
        )
    sha256, size = content_sha256(folder), content_bytes(folder)
    return Source(steps.recording, low, high, None, folder, origin, fetched_from, sha256, size, checksum)


def _minari(request: Request) -> Source:
    if not request.dataset.startswith(PREFIX):
        raise DataError(f"{request.dataset}: `source: minari` needs a name of the form {PREFIX}NAMESPACE/NAME-vN")
    folder, fetched_from = fetch_minari(request.dataset, request.raw_directory)
    return _from_folder(request, folder, request.dataset, fetched_from, "unverified")


def _collect(request: Request) -> Source:
    recipe, seed, steps = (_required(request, key) for key in ("recipe", "recipe_seed", "recipe_steps"))
    from qdot.data.collect import collect  # brings the simulators along

    shift = request.values.get("recipe_shift")
    origin = f"recipe {recipe}, {f'shift {shift}, ' if shift else ''}seed {seed}, {steps:,} steps"
    log.info("collecting: %s", origin)
    folder = collect(recipe, seed, steps, request.raw_directory, shift)
    return _from_folder(request, folder, origin, "recipe", "recorded")


def _file(request: Request) -> Source:
    path = request.root / _required(request, "path")
    if path.is_dir():
        return _from_folder(request, path, str(path), "file", "recorded")
    if not path.is_file():
        raise DataError(
            f"{request.dataset}: path: {path}: no such file or folder; expected an HDF5 file in D4RL's layout, or the "
            "folder of a Minari dataset"
        )
    recording, low, high = _read_hdf5(request, path, "unmarked")
    sha256, size = content_sha256(path), content_bytes(path)
    return Source(recording, low, high, None, path, str(path), "file", sha256, size, "recorded")
