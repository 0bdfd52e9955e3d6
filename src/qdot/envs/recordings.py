"""`qdot replay`: a recording in an environment, by the check that fits both. JSON-ready numbers come out."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from qdot.data.hdf5 import read_d4rl
from qdot.data.recording import Recording
from qdot.data.steps import read_steps, spaced
from qdot.envs import registry
from qdot.envs.one_step import replay_steps
from qdot.errors import DataError

KITCHEN = "qdot.envs.kitchen"


def replay(environment: str, transitions: Path, rows: int | None = None) -> dict[str, Any]:
    """Replay a recording.

    Args:
        environment: Id of ours, of Gymnasium, or `module:Id`.
        transitions: HDF5 or npz file, or the folder of a Minari dataset.
        rows: Take this many rows, evenly spaced (of a kitchen whole episodes, evenly spaced); None: all.

    Returns:
        `check` (`one_step`, of a kitchen `episodes`), `n` and `skipped` (rows), then the fields of `OneStep`, or of
        `Replay` in `qdot.envs.replay`: `tasks`, `completed`, `same_step`, `joint_error`.

    Raises:
        DataError: no such environment here, or the recording cannot be read or does not fit.
    """
    with _made(environment) as made:
        if registry.entry_module(environment) == KITCHEN:
            return {"check": "episodes", **_replay_episodes(made, transitions, rows)}
        return {"check": "one_step", **asdict(replay_steps(made, read_steps(transitions, rows)))}


@contextmanager
def _made(environment: str) -> Iterator[gymnasium.Env[Any, Any]]:
    """The environment, closed at the end."""
    try:
        available, reason = registry.is_available(environment)
        if not available:
            raise DataError(reason)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*is out of date", DeprecationWarning)  # the version is chosen
            made = gymnasium.make(environment)
    except (gymnasium.error.Error, ImportError, ValueError) as error:
        raise DataError(f"environment {environment!r} cannot be made: {error}; expected an installed one") from error
    try:
        yield made
    finally:
        made.close()


def _replay_episodes(environment: gymnasium.Env[Any, Any], path: Path, rows: int | None) -> dict[str, Any]:
    """The kitchen's check: its files hold noisy readings, so whole episodes are replayed through the controller."""
    from qdot.envs.replay import replay_kitchen

    recording = read_d4rl(path)
    for key, space in (("observations", environment.observation_space), ("actions", environment.action_space)):
        shape = getattr(recording, key).shape
        if shape[1:] != space.shape:
            raise DataError(f"{path}: {key}: shape {shape}; expected (rows, {space.shape}) as the environment has")
    chosen, ends = _whole_episodes(recording, rows)
    observations, actions, rewards = recording.observations, recording.actions, recording.rewards
    found = replay_kitchen(environment, observations[chosen], actions[chosen], rewards[chosen], ends[chosen])
    episodes = int(ends[chosen].sum())
    return {"n": len(chosen) - episodes, "skipped": episodes, **asdict(found)}


def _whole_episodes(recording: Recording, rows: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Rows of evenly spaced episodes, about `rows` in all, at least one episode; and which rows end an episode."""
    ends = recording.terminals | recording.ends
    ends[-1] = True
    episode: np.ndarray = np.cumsum(ends) - ends
    total = int(episode[-1]) + 1
    wanted = total if rows is None else max(1, rows * total // len(ends))
    return np.flatnonzero(np.isin(episode, spaced(total, wanted))), ends
