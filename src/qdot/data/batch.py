"""What training and evaluation read of a prepared dataset: flat arrays, their manifest, the training rewards."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file

from qdot.errors import DataError, ParamsError
from qdot.provenance import damaged_files

Reward = Literal["as_is", "subtract_one", "normalise_returns"]
ARRAYS = ("observations", "actions", "rewards", "next_observations", "terminals", "episode_starts")
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
        manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"{manifest_path}: no such file; prepare the dataset first (`qdot data`)") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{manifest_path}: is no readable JSON ({error}); delete it and prepare again") from error
    if manifest.get("status") != "ok":
        raise DataError(f"{manifest_path}: dataset not prepared: {manifest.get('reason')}")
    try:
        arrays = load_file(arrays_path)
    except (OSError, SafetensorError) as error:
        raise DataError(f"{arrays_path}: cannot be read ({error}); delete the folder and prepare again") from error
    if any(damaged_files(directory, manifest.get("files", {}))):
        raise DataError(f"{arrays_path}: is not what manifest.json records; delete the folder and prepare again")
    missing = [name for name in ARRAYS if name not in arrays]
    if missing:
        raise DataError(f"{arrays_path}: lacks {', '.join(missing)}; delete the folder and prepare again")
    return Prepared(arrays, manifest)


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
