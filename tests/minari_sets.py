"""Small Minari datasets: three episodes, the first ended by a terminal, the others by a time-out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import minari
import numpy as np
from gymnasium import spaces
from minari.data_collector import EpisodeBuffer

from qdot.data.minari import datasets_root

LENGTHS = (4, 1, 3)
VECTOR = spaces.Box(-np.inf, np.inf, (3,), np.float64)
ACTION = spaces.Box(np.array([-2, 0], np.float32), np.array([2, 10], np.float32))


def buffers(observe: Callable[[int], Any], act: Callable[[int], Any]) -> list[EpisodeBuffer]:
    """Episodes of LENGTHS; the first ends in a terminal, the others in a time-out."""
    made, step = [], 0
    for episode, length in enumerate(LENGTHS):
        flags = np.zeros(length, bool)
        last = flags.copy()
        last[-1] = True
        seen = [observe(step + offset) for offset in range(length + 1)]
        joined: Any = {key: [part[key] for part in seen] for key in seen[0]} if isinstance(seen[0], dict) else seen
        made.append(
            EpisodeBuffer(
                id=episode,
                observations=joined,
                actions=[act(step + offset) for offset in range(length)],
                rewards=[float(step + offset) for offset in range(length)],
                terminations=list(last if episode == 0 else flags),
                truncations=list(flags if episode == 0 else last),
            )
        )
        step += 100
    return made


def create_set(
    folder: Path,
    observe: Callable[[int], Any] = lambda step: np.full(3, step / 7),
    act: Callable[[int], Any] = lambda step: np.array([0.5, 5.0 + step % 3], np.float32),
    observation_space: spaces.Space = VECTOR,
    action_space: spaces.Space = ACTION,
    identity: str = "toy/steps-v0",
) -> Path:
    """Write a dataset under `folder/minari`; gives its folder."""
    with datasets_root(folder / "minari"):
        minari.create_dataset_from_buffers(
            identity, buffers(observe, act), observation_space=observation_space, action_space=action_space
        )
    return folder / "minari" / identity
