"""One recorded episode, and the loop that records it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Episode:
    """What happened, step by step.

    Attributes:
        seed: Of the environment's reset.
        observations: (steps + 1, obs), the last one after the last action.
        actions: (steps, act), environment units.
        rewards: (steps,).
        terminated: Whether the last step ended the task; otherwise it was cut off.
    """

    seed: int
    observations: Array
    actions: Array
    rewards: Array
    terminated: bool


def record(
    environment: gymnasium.Env[Any, Any], policy: Callable[[Array], Array], seed: int, steps: int | None = None
) -> Episode:
    """Run one episode.

    Args:
        environment: With vector observations and actions.
        policy: From an observation to an action, environment units; clipped to the bounds here.
        seed: Of the reset.
        steps: Cut the episode off after so many steps, if it still runs.
    """
    bounds = environment.action_space
    assert isinstance(bounds, gymnasium.spaces.Box)
    observation, _ = environment.reset(seed=seed)
    observations, actions, rewards, terminated, truncated = [observation], [], [], False, False
    while not (terminated or truncated or len(actions) == steps):
        action = np.clip(policy(observation), bounds.low, bounds.high).astype(bounds.dtype)
        observation, reward, terminated, truncated, _ = environment.step(action)
        observations.append(observation)
        actions.append(action)
        rewards.append(float(reward))
    return Episode(seed, np.array(observations), np.array(actions), np.array(rewards), terminated)


def episode_seeds(seed: int, *stream: int) -> "np.random.Generator":
    """The generator of one part of a collection: a function of the collection's seed and the part's numbers."""
    return np.random.default_rng([seed, *stream])
