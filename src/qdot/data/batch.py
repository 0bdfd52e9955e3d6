"""What training and evaluation read of a prepared dataset: flat arrays, their manifest, the training rewards."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file

from qdot.errors import DataError, ParamsError, ResultsError
from qdot.manifests import read_manifest
from qdot.provenance import first_line

Reward = Literal["as_is", "subtract_one", "normalise_returns"]
ARRAYS = ("observations", "actions", "rewards", "next_observations", "terminals", "episode_starts")
LARGEST = float(np.finfo(np.float32).max)
VECTORS = ("observations", "actions", "next_observations")
SCALE_FLOOR = 1e-3  # added to the standard deviation of an observation: lineage (TD3+BC)
RETURN_SCALE = 1000.0  # of `normalise_returns`: lineage (IQL)
HELD_OUT_SHARE = 0.05  # of the episodes are kept from the behaviour model: its likelihood is measured there


@dataclass(frozen=True)
class Prepared:
    """A prepared dataset.

    Attributes:
        arrays: float32 `observations` (n, obs), `actions` (n, act) in [-1, 1], `rewards` (n,), `next_observations`
            (n, obs), `terminals` (n,) with 1.0 = true terminal (no bootstrap); int64 `episode_starts` (episodes,).
        manifest: What the data stage recorded (docs/data-dictionary.md).
    """

    arrays: dict[str, np.ndarray]
    manifest: dict[str, Any]


@dataclass(frozen=True)
class Dataset:
    """Transitions as one algorithm trains on them.

    Attributes:
        observations: float32 (size, observation_dim), in the environment's units or normalised.
        actions: float32 (size, action_dim) in [-1, 1].
        rewards: float32 (size,) after the reward transform.
        recorded_rewards: float32 (size,) before it.
        next_observations: float32 (size, observation_dim); unused where terminal.
        terminals: float32 (size,), 1.0 = no bootstrap.
        observation_dim: Width of an observation.
        action_dim: Width of an action.
        action_low: float32 (action_dim,), environment units of action -1.
        action_high: float32 (action_dim,), environment units of action 1.
        size: Number of transitions.
        episode_starts: int64 (episodes,), first row of each episode.
        observation_mean: float32 (observation_dim,), subtracted from every observation; 0 where none is normalised.
        observation_scale: float32 (observation_dim,), what they were then divided by; 1 where none is normalised.
    """

    observations: npt.NDArray[np.float32]
    actions: npt.NDArray[np.float32]
    rewards: npt.NDArray[np.float32]
    recorded_rewards: npt.NDArray[np.float32]
    next_observations: npt.NDArray[np.float32]
    terminals: npt.NDArray[np.float32]
    observation_dim: int
    action_dim: int
    action_low: npt.NDArray[np.float32]
    action_high: npt.NDArray[np.float32]
    size: int
    episode_starts: npt.NDArray[np.int64]
    observation_mean: npt.NDArray[np.float32]
    observation_scale: npt.NDArray[np.float32]

    @property
    def held_out(self) -> npt.NDArray[np.float32]:
        """float32 (size,), 1.0 in a twentieth of the episodes: rows that the behaviour model of a policy does not see.

        The episodes are drawn at random, the same in every run: collecting policies take turns in a fixed order.
        """
        count = len(self.episode_starts)
        chosen = np.random.default_rng(0).permutation(count)[: round(HELD_OUT_SHARE * count)]
        episode = np.searchsorted(self.episode_starts, np.arange(self.size), side="right") - 1
        return np.isin(episode, chosen).astype(np.float32)


def load_prepared(directory: str | Path) -> Prepared:
    """Read `arrays.safetensors` and `manifest.json` of a prepared dataset.

    Raises:
        DataError: a file is missing or damaged, or the dataset's preparation failed.
    """
    directory = Path(directory)
    manifest_path, arrays_path = directory / "manifest.json", directory / "arrays.safetensors"
    try:
        manifest = read_manifest(manifest_path)
    except ResultsError as error:
        raise DataError(f"{error}; prepare the dataset (`qdot data`)") from error
    if manifest["status"] != "ok":
        raise DataError(f"{manifest_path}: dataset not prepared: {first_line(manifest.get('reason'))}")
    try:
        arrays = load_file(arrays_path)
    except (OSError, SafetensorError, KeyError) as error:  # KeyError: a kind that numpy has none for
        raise DataError(f"{arrays_path}: cannot be read ({error}); delete the folder and prepare again") from error
    missing = [name for name in ARRAYS if name not in arrays]
    fault = f"lacks {', '.join(missing)}" if missing else _fault(arrays) or _contradiction(manifest, arrays)
    if fault:
        raise DataError(f"{arrays_path}: {fault}; delete the folder and prepare again")
    return Prepared({name: arrays[name] for name in ARRAYS}, manifest)


def _fault(arrays: Mapping[str, np.ndarray]) -> str | None:
    """What is wrong with the arrays; None where nothing is."""
    rows, starts = len(np.atleast_1d(arrays["rewards"])), arrays["episode_starts"]
    for name in ARRAYS[:-1]:
        array, dimensions = arrays[name], 2 if name in VECTORS else 1
        if array.dtype != np.float32 or array.ndim != dimensions or array.shape[:1] != (rows,) or 0 in array.shape:
            shape = f"({rows}, width)" if dimensions == 2 else f"({rows},)"
            return f"{name}: found {array.dtype} {array.shape}, expected float32 {shape} of one row or more"
    if arrays["next_observations"].shape != arrays["observations"].shape:
        return f"next_observations: found {arrays['next_observations'].shape}, expected {arrays['observations'].shape}"
    whole = starts.dtype == np.int64 and starts.ndim == 1 and len(starts) > 0
    if not (whole and starts[0] == 0 and starts[-1] < rows and np.all(np.diff(starts) > 0)):
        return f"episode_starts: expected int64 numbers of rows from 0 on, each larger than the last, below {rows}"
    bad = next((name for name in ARRAYS[:-1] if not np.isfinite(arrays[name]).all()), None)
    return f"{bad}: holds numbers that are not finite" if bad else None


def _contradiction(manifest: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str | None:
    """What the manifest says that the arrays do not; None where they agree."""
    width = arrays["actions"].shape[1]
    low, high = (manifest.get(f"action_{end}") for end in ("low", "high"))
    if not (_is_numbers(low, width) and _is_numbers(high, width) and np.all(np.float32(low) < np.float32(high))):
        return f"manifest.json: action_low {low}, action_high {high}; expected {width} numbers each, the lower first"
    if not _is_numbers([manifest.get("return_min"), manifest.get("return_max")], 2):
        return "manifest.json: return_min, return_max: expected numbers"
    return None


def _is_numbers(found: Any, count: int) -> bool:
    return (
        isinstance(found, list)
        and len(found) == count
        and all(isinstance(value, int | float) and abs(value) < LARGEST for value in found)
    )


def transform_rewards(
    rewards: npt.NDArray[np.float32], reward: str, best: float, worst: float
) -> npt.NDArray[np.float32]:
    """Rewards as trained on (paper.md section 3; IQL).

    Args:
        rewards: float32 (n,), as recorded.
        reward: `as_is`, `subtract_one` (r - 1), or `normalise_returns` (r x 1000 / (best - worst)).
        best: Highest return of an episode in the data.
        worst: Lowest return of an episode in the data.

    Raises:
        ParamsError: no such transform.
        DataError: all episodes have the same return, so there is nothing to scale by.
    """
    if reward == "as_is":
        return rewards
    if reward == "subtract_one":
        return rewards - np.float32(1.0)
    if reward == "normalise_returns":
        if not best > worst:
            raise DataError(
                f"reward normalise_returns: every episode returns {best:g}, so there is no spread to scale by; "
                "set train.reward to as_is for this dataset"
            )
        return (rewards * (RETURN_SCALE / (best - worst))).astype(np.float32)
    raise ParamsError(f"train.reward: unknown value {reward!r}; expected one of {', '.join(get_args(Reward))}")


def training_dataset(prepared: Prepared, reward: Reward, normalise_observations: bool = False) -> Dataset:
    """The transitions of a prepared dataset with its rewards, and its observations, transformed for training."""
    arrays, manifest = prepared.arrays, prepared.manifest
    observations, actions = arrays["observations"], arrays["actions"]
    mean, scale = np.zeros(observations.shape[1], np.float32), np.ones(observations.shape[1], np.float32)
    if normalise_observations:
        mean = observations.mean(axis=0, dtype=np.float64).astype(np.float32)
        scale = (observations.std(axis=0, dtype=np.float64) + SCALE_FLOOR).astype(np.float32)
    following = arrays["next_observations"]
    best, worst = manifest["return_max"], manifest["return_min"]
    return Dataset(
        observations=(observations - mean) / scale if normalise_observations else observations,
        actions=actions,
        rewards=transform_rewards(arrays["rewards"], reward, best, worst),
        recorded_rewards=arrays["rewards"],
        next_observations=(following - mean) / scale if normalise_observations else following,
        terminals=arrays["terminals"],
        observation_dim=observations.shape[1],
        action_dim=actions.shape[1],
        action_low=np.asarray(manifest["action_low"], np.float32),
        action_high=np.asarray(manifest["action_high"], np.float32),
        size=len(observations),
        episode_starts=arrays["episode_starts"],
        observation_mean=mean,
        observation_scale=scale,
    )
