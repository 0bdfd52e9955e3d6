"""Minari datasets: fetched by id, or from a folder; read into steps."""

import logging
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from qdot.data.hdf5 import check_kind, check_total, claimed_bytes, member, opened, subgroup
from qdot.data.minari_spaces import SPACES, action_bounds, check_observation_space, read_metadata, space_of
from qdot.data.recording import Flags, Floats, Recording
from qdot.errors import DataError

log = logging.getLogger("qdot")

PREFIX = "minari:"
ROOT_VARIABLE = "MINARI_DATASETS_PATH"
MAIN_FILE = "main_data.hdf5"
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


class _Episode(NamedTuple):
    """One episode's arrays, as float32 and as truth values; observations have a row more."""

    observations: Floats
    actions: Floats
    rewards: Floats
    terminations: Flags
    truncations: Flags


def read_minari(folder: Path, observation_keys: Sequence[str] | None = None) -> MinariSteps:
    """Read a Minari dataset.

    minari itself would also read what each step recorded beside (`infos`), and believe every header and link.

    Args:
        folder: The dataset's folder (holds `data/`), or that `data` folder itself.
        observation_keys: Of a dictionary observation space: which vectors to join, in this order.

    Raises:
        DataError: the folder is none, or is damaged, or its spaces are discrete, pixels or dictionaries.
    """
    data = folder / "data" if (folder / "data").is_dir() else folder
    metadata = read_metadata(data)
    observations, actions = (space_of(data, metadata, key) for key in SPACES)
    check_observation_space(folder, observations, observation_keys)
    low, high = action_bounds(folder, actions)
    episodes = _episodes(data / MAIN_FILE, metadata["total_episodes"], observation_keys)
    return MinariSteps(_join(folder, episodes), low, high)


def _episodes(path: Path, total: int, keys: Sequence[str] | None) -> Iterator[_Episode]:
    """Each episode of the main file, in order."""
    with opened(path) as file:
        if total > len(file):
            raise DataError(f"{path}: holds {len(file):,} members; expected {total:,} episodes, as metadata.json says")
        claimed = 0
        for number in range(total):
            group = subgroup(file, path, f"episode_{number}")
            parts = [member(group, path, name) for name in ("actions", "rewards", "terminations", "truncations")]
            seen = subgroup(group, path, "observations") if keys else group
            parts += [member(seen, path, name) for name in keys or ("observations",)]
            claimed += sum(map(claimed_bytes, parts))
            check_total(path, claimed)
            for part in parts:
                check_kind(part, path, "fiub")
            actions, rewards, terminations, truncations, *observed = (part[()] for part in parts)
            yield _Episode(
                _single(_side_by_side(path, number, observed)),
                _single(actions),
                _single(rewards),
                terminations.astype(bool),
                truncations.astype(bool),
            )


def _side_by_side(path: Path, number: int, parts: list[npt.NDArray]) -> npt.NDArray:
    """Vectors of a dictionary as one."""
    if len({part.shape[:1] for part in parts}) > 1 or any(part.ndim != 2 for part in parts):
        shapes = ", ".join(str(part.shape) for part in parts)
        raise DataError(f"{path}: observations: episode {number}: shapes {shapes}; expected (rows, width) each")
    return np.concatenate(parts, axis=1) if len(parts) > 1 else parts[0]


def _join(folder: Path, episodes: Iterable[_Episode]) -> Recording:
    """Episodes one after the other; each stores one observation more than steps, so every next one is known."""
    parts: dict[str, list[np.ndarray]] = {name: [] for name in PARTS}
    for number, episode in enumerate(episodes):
        _check_shapes(folder, number, episode, parts)
        ends = episode.truncations.copy()
        ends[-1:] = True
        parts["observations"].append(episode.observations[:-1])
        parts["next_observations"].append(episode.observations[1:])
        parts["actions"].append(episode.actions)
        parts["rewards"].append(episode.rewards)
        parts["terminals"].append(episode.terminations)
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


def _check_shapes(folder: Path, number: int, episode: _Episode, before: Mapping[str, list[np.ndarray]]) -> None:
    """Every array of an episode has a row per step, observations one more; widths are those of the episode before."""
    steps = len(episode.rewards)
    for name, array in episode._asdict().items():
        dimensions = 2 if name in ("observations", "actions") else 1
        rows = steps + 1 if name == "observations" else steps
        last = before[name][-1].shape[1:] if before.get(name) else array.shape[1:]
        if array.ndim != dimensions or len(array) != rows or array.shape[1:] != last:
            expected = f"({rows}, width)" if dimensions == 2 else f"({rows},)"
            raise DataError(
                f"{folder}: {name}: episode {number}: shape {array.shape}; expected {expected}, widths as before"
            )


def _single(values: npt.NDArray) -> Floats:
    with np.errstate(over="ignore"):  # beyond float32 becomes infinite, which the checks reject
        return values.astype(np.float32)
