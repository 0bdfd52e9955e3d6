"""What a Minari dataset's metadata.json says of its observations and actions, before minari builds anything from it."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from qdot import strict_json
from qdot.errors import DataError

SPACES = ("observation_space", "action_space")
WIDEST = 1 << 16  # numbers in one observation or action
NUMBERS = re.compile(r"(float|u?int)(8|16|32|64)")


def read_metadata(data: Path) -> dict[str, Any]:
    """Read metadata.json. Spaces must be stored: without them minari would build the environment that the file names.

    Raises:
        DataError: it is missing or damaged, of a version or format that is not read here, or has no spaces.
    """
    import minari

    path = data / "metadata.json"
    try:
        with path.open("rb") as file:
            metadata = strict_json.parse(file.read(strict_json.LARGEST + 1))
        if not isinstance(metadata, dict):
            raise ValueError("no object")
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}); expected a Minari dataset's folder") from error
    missing = [key for key in SPACES if not isinstance(metadata.get(key), str)]
    if missing:
        raise DataError(f"{path}: {', '.join(missing)}: missing; expected a dataset with its spaces stored")
    known = {"data_format": ("hdf5",), "minari_version": minari.supported_dataset_versions}
    for key, allowed in known.items():
        if metadata.get(key) not in allowed:
            raise DataError(f"{path}: {key}: found {metadata.get(key)!r}, expected {' or '.join(sorted(allowed))}")
    episodes = metadata.get("total_episodes")
    if type(episodes) is not int or episodes < 0:
        raise DataError(f"{path}: total_episodes: found {episodes!r}, expected a whole number")
    return metadata


def space_of(data: Path, metadata: dict[str, Any], key: str) -> gymnasium.Space:
    """One of the spaces.

    Raises:
        DataError: it is damaged, or too large to be a vector's.
    """
    from minari.serialization import deserialize_space

    try:
        described = json.loads(metadata[key])
        strict_json.check_depth(described)
        _check_sizes(described)
        return deserialize_space(described)
    # What minari and gymnasium raise on values that they do not expect is of any kind.
    except Exception as error:
        raise DataError(f"{data / 'metadata.json'}: {key}: is no space ({type(error).__name__}: {error})") from error


def _check_sizes(described: Any) -> None:
    """Refuse shapes and kinds for which numpy would make room without end, wherever they stand."""
    if isinstance(described, list):
        for part in described:
            _check_sizes(part)
    elif isinstance(described, dict):
        for key, value in described.items():
            if key == "shape" and not (isinstance(value, list) and _size(value) <= WIDEST):
                raise ValueError(f"shape {value}; expected at most {WIDEST:,} numbers")
            if key == "dtype" and not (isinstance(value, str) and NUMBERS.fullmatch(value)):
                raise ValueError(f"dtype {value!r}; expected a kind of number")
            if key in ("n", "max_length") and isinstance(value, int) and abs(value) > WIDEST:
                raise ValueError(f"{key} {value}; expected at most {WIDEST:,}")
            _check_sizes(value)


def _size(shape: list[Any]) -> int:
    """Numbers in a shape; more than are allowed where it is none."""
    size = 1
    for width in shape:
        size *= width if type(width) is int and 0 <= width <= WIDEST else WIDEST + 1
        size = min(size, WIDEST + 1)
    return size


def check_observation_space(folder: Path, space: gymnasium.Space, keys: Sequence[str] | None) -> None:
    """Only vectors of real numbers, or a dictionary of them with the keys to join.

    Raises:
        DataError: names the space.
    """
    parts = {"observation_space": space}
    if isinstance(space, gymnasium.spaces.Dict):
        names = ", ".join(space.spaces)
        if not keys:
            raise DataError(
                f"{folder}: observation_space is a dictionary of {names}; expected a vector. Set `observation_keys` to "
                "the keys to join, for example [observation, desired_goal]"
            )
        unknown = [key for key in keys if key not in space.spaces]
        if unknown:
            raise DataError(f"{folder}: observation_keys: unknown {', '.join(unknown)}; expected some of: {names}")
        parts = {f"observation_space.{key}": space.spaces[key] for key in keys}
    elif keys:
        raise DataError(f"{folder}: observation_keys: observation_space is {space}, no dictionary; remove the value")
    for name, part in parts.items():
        _check_vector(folder, name, part, "pixel and discrete observations are not supported")


def action_bounds(folder: Path, space: gymnasium.Space) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """(low, high), each (act,), of a space of vectors.

    Raises:
        DataError: it is another.
    """
    _check_vector(folder, "action_space", space, "discrete actions are not supported")
    assert isinstance(space, gymnasium.spaces.Box)
    return space.low.astype(np.float64), space.high.astype(np.float64)


def _check_vector(folder: Path, name: str, space: gymnasium.Space, note: str) -> None:
    vector = (
        isinstance(space, gymnasium.spaces.Box) and len(space.shape) == 1 and np.issubdtype(space.dtype, np.floating)
    )
    if not vector:
        raise DataError(f"{folder}: {name} is {space}; expected a one-dimensional Box of floats ({note})")
