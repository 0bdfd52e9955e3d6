"""Minari datasets: fetched by id, or from a folder; read into steps."""

import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium
import h5py
import numpy as np
import numpy.typing as npt

from qdot.data.hdf5 import check_member, opened
from qdot.data.recording import Recording
from qdot.errors import DataError

log = logging.getLogger("qdot")

PREFIX = "minari:"
ROOT_VARIABLE = "MINARI_DATASETS_PATH"
PARTS = ("observations", "actions", "rewards", "terminals", "ends", "next_observations")
KEYS = {"terminals": "terminations", "ends": "truncations"}


@dataclass(frozen=True)
class MinariSteps:
    """What a Minari dataset holds.

    Attributes:
        recording: All steps.
        action_low: float64 (act,), of the stored action space.
        action_high: float64 (act,).
    """

    recording: Recording
    action_low: npt.NDArray[np.float64]
    action_high: npt.NDArray[np.float64]


@contextmanager
def datasets_root(root: Path) -> Iterator[None]:
    """Make `root` the folder that the minari package reads and writes, for a while."""
    before = os.environ.get(ROOT_VARIABLE)
    os.environ[ROOT_VARIABLE] = str(root.resolve())  # minari joins a relative root twice
    try:
        yield
    finally:
        if before is None:
            del os.environ[ROOT_VARIABLE]
        else:
            os.environ[ROOT_VARIABLE] = before


def fetch_minari(dataset: str, raw_directory: Path) -> tuple[Path, str]:
    """Find or download a Minari dataset.

    Args:
        dataset: `minari:NAMESPACE/NAME-vN`.
        raw_directory: Downloads go to `raw_directory/minari/NAMESPACE/NAME-vN`; a folder named by
            MINARI_DATASETS_PATH is searched first.

    Returns:
        The dataset's folder, and where its bytes came from.

    Raises:
        DataError: no such id, or no way to download it.
    """
    from minari.dataset.minari_dataset import parse_dataset_id

    identity = dataset.removeprefix(PREFIX)
    try:
        parse_dataset_id(identity)
    except (ValueError, TypeError) as error:
        raise DataError(f"{dataset}: is no Minari id; expected minari:NAMESPACE/NAME-vN") from error
    own = raw_directory / "minari"
    for root in (Path(os.environ.get(ROOT_VARIABLE) or own), own):
        if (root / identity / "data").is_dir():
            return root / identity, "already here"
    _download(identity, own)
    return own / identity, "minari"


def _download(identity: str, root: Path) -> None:
    """Download into a folder of its own, then move it into place, so that a broken download leaves nothing behind."""
    import minari

    root.mkdir(parents=True, exist_ok=True)
    log.info("%s: downloading through minari", identity)
    with tempfile.TemporaryDirectory(dir=root, prefix=".download-") as folder, datasets_root(Path(folder)):
        try:
            minari.download_dataset(identity)
        except Exception as error:
            raise DataError(
                f"{PREFIX}{identity}: minari cannot download it ({type(error).__name__}: {error}). Expected a dataset "
                f"of https://minari.farama.org; its remote needs the package huggingface_hub. Or put the dataset's "
                f"folder at {root / identity}, or set {ROOT_VARIABLE} to the folder that holds it"
            ) from error
        target = root / identity
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(Path(folder) / identity, target)


def read_minari(folder: Path, observation_keys: Sequence[str] | None = None) -> MinariSteps:
    """Read a Minari dataset.

    Args:
        folder: The dataset's folder (holds `data/`), or that `data` folder itself.
        observation_keys: Of a dictionary observation space: which vectors to join, in this order.

    Raises:
        DataError: the folder is none, or is damaged, or its spaces are discrete, pixels or dictionaries.
    """
    import minari

    data = folder / "data" if (folder / "data").is_dir() else folder
    _check_metadata(data)
    if (data / "main_data.hdf5").is_file():
        _check_storage(data / "main_data.hdf5")
    try:
        dataset = minari.MinariDataset(data)
        _check_observation_space(folder, dataset.observation_space, observation_keys)
        low, high = _action_bounds(folder, dataset.action_space)
        recording = _join(folder, dataset.iterate_episodes(), observation_keys)
    except (OSError, KeyError, ValueError, AssertionError, NotImplementedError, ImportError) as error:
        raise DataError(f"{folder}: minari cannot read it ({type(error).__name__}: {error})") from error
    return MinariSteps(recording, low, high)


def _check_metadata(data: Path) -> None:
    """Spaces must be stored: without them minari would build the environment that the file names."""
    path = data / "metadata.json"
    try:
        metadata = json.loads(path.read_text(encoding="utf-8"))
        missing = [key for key in ("observation_space", "action_space") if not isinstance(metadata.get(key), str)]
    except (OSError, ValueError, AttributeError) as error:
        raise DataError(f"{path}: cannot be read ({error}); expected a Minari dataset's folder") from error
    if missing:
        raise DataError(f"{path}: {', '.join(missing)}: missing; expected a dataset with its spaces stored")


def _check_storage(path: Path) -> None:
    """Refuse links and impossible sizes anywhere in the file before minari reads it."""

    def walk(group: h5py.Group) -> None:
        for name in group:
            check_member(group, path, name)
            if isinstance(group[name], h5py.Group):
                walk(group[name])

    with opened(path) as file:
        walk(file)


def _check_observation_space(folder: Path, space: gymnasium.Space, keys: Sequence[str] | None) -> None:
    """Only vectors of real numbers, or a dictionary of them with the keys to join."""
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


def _check_vector(folder: Path, name: str, space: gymnasium.Space, note: str) -> None:
    vector = (
        isinstance(space, gymnasium.spaces.Box) and len(space.shape) == 1 and np.issubdtype(space.dtype, np.floating)
    )
    if not vector:
        raise DataError(f"{folder}: {name} is {space}; expected a one-dimensional Box of floats ({note})")


def _action_bounds(folder: Path, space: gymnasium.Space) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    _check_vector(folder, "action_space", space, "discrete actions are not supported")
    assert isinstance(space, gymnasium.spaces.Box)
    return space.low.astype(np.float64), space.high.astype(np.float64)


def _join(folder: Path, episodes: Iterable[Any], keys: Sequence[str] | None) -> Recording:
    """Episodes one after the other; each stores one observation more than steps, so every next one is known."""
    parts: dict[str, list[np.ndarray]] = {name: [] for name in PARTS}
    for number, episode in enumerate(episodes):
        found = episode.observations
        observations = np.concatenate([found[key] for key in keys], axis=1) if keys else np.asarray(found)
        _check_lengths(folder, number, episode, len(observations))
        ends = np.array(episode.truncations, bool)
        ends[-1:] = True
        parts["observations"].append(_single(observations[:-1]))
        parts["next_observations"].append(_single(observations[1:]))
        parts["actions"].append(_single(episode.actions))
        parts["rewards"].append(_single(episode.rewards))
        parts["terminals"].append(np.asarray(episode.terminations, bool))
        parts["ends"].append(ends)
    if not parts["rewards"]:
        raise DataError(f"{folder}: holds no episode; expected at least one")
    starts = np.cumsum([0, *(len(rewards) for rewards in parts["rewards"])])

    def where(step: int) -> str:
        number = int(np.searchsorted(starts, step, side="right")) - 1
        return f"episode {number}, step {step - starts[number]}"

    return Recording(
        path=folder, **{name: np.concatenate(part) for name, part in parts.items()}, keys=KEYS, where=where
    )


def _check_lengths(folder: Path, number: int, episode: Any, observations: int) -> None:
    """Every array of an episode has a row per step, observations one more."""
    steps = len(episode.rewards)
    lengths = {"observations": observations}
    lengths |= {name: len(getattr(episode, name)) for name in ("actions", "terminations", "truncations")}
    for name, length in lengths.items():
        expected = steps + 1 if name == "observations" else steps
        if length != expected:
            raise DataError(f"{folder}: {name}: episode {number}: {length} rows; expected {expected}")


def _single(values: Any) -> npt.NDArray[np.float32]:
    with np.errstate(over="ignore"):  # beyond float32 becomes infinite, which the checks reject
        return np.asarray(values).astype(np.float32)
