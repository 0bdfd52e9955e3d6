"""Recording a controller's episodes, and measuring its returns."""

from collections.abc import Iterator
from typing import Any, Protocol

import gymnasium
import numpy as np
import numpy.typing as npt
from minari.data_collector import EpisodeBuffer

Array = npt.NDArray[np.float64]
MAX_SEED = 2**31


class Controller(Protocol):
    """Chooses actions; may keep a state during an episode."""

    def begin(self, generator: np.random.Generator) -> None:
        """Start an episode."""
        ...

    def act(self, observation: Array) -> Array:
        """The action (act,) for an observation (obs,), in the environment's units; it may leave the bounds."""
        ...


Schedule = Iterator[tuple[Controller, float]]  # see `record`


class RandomController:
    """Uniform actions."""

    def __init__(self, space: gymnasium.spaces.Box) -> None:
        """Draw from a bounded action space."""
        self._space, self._generator = space, np.random.default_rng(0)

    def begin(self, generator: np.random.Generator) -> None:
        """Draw from `generator` from now on."""
        self._generator = generator

    def act(self, observation: Array) -> Array:
        """Any action."""
        return self._generator.uniform(self._space.low, self._space.high)


def action_space(environment: gymnasium.Env[Any, Any]) -> gymnasium.spaces.Box:
    """The bounded action space of an environment."""
    space = environment.action_space
    assert isinstance(space, gymnasium.spaces.Box)
    return space


def record(
    environment: gymnasium.Env[Any, Any],
    schedule: Schedule,
    generator: np.random.Generator,
    steps: int,
) -> list[EpisodeBuffer]:
    """Record episodes until there are `steps` steps; the last one is cut there, as by a time limit.

    Args:
        environment: With a bounded action space.
        schedule: For each episode its controller and the standard deviation of Gaussian noise on the actions, as a
            share of half the action range. What is recorded is the noisy action, clipped to the bounds.
        generator: Randomness of starts, noise and controller.
        steps: To record in all.
    """
    episodes: list[EpisodeBuffer] = []
    left = steps
    while left > 0:
        controller, noise = next(schedule)
        episodes.append(_record_episode(environment, controller, noise, generator, left))
        left -= len(episodes[-1])
    return episodes


def _record_episode(
    environment: gymnasium.Env[Any, Any],
    controller: Controller,
    noise: float,
    generator: np.random.Generator,
    limit: int,
) -> EpisodeBuffer:
    space = action_space(environment)
    controller.begin(generator)
    observation, _ = environment.reset(seed=int(generator.integers(MAX_SEED)))
    observations, actions, rewards, ends = [observation], [], [], [(False, False)]
    while not any(ends[-1]):
        wanted = controller.act(observation) + noise * (space.high - space.low) / 2 * generator.normal(size=space.shape)
        action = np.clip(wanted, space.low, space.high).astype(space.dtype)
        observation, reward, terminated, truncated, _ = environment.step(action)
        observations.append(observation)
        actions.append(action)
        rewards.append(float(reward))
        ends.append((bool(terminated), bool(truncated or (len(rewards) == limit and not terminated))))
    terminations, truncations = zip(*ends[1:], strict=True)
    return EpisodeBuffer(
        observations=np.array(observations),
        actions=np.array(actions),
        rewards=np.array(rewards),
        terminations=np.array(terminations),
        truncations=np.array(truncations),
    )


def returns_of(episodes: list[EpisodeBuffer]) -> Array:
    """Undiscounted return of each episode."""
    return np.array([np.sum(episode.rewards) for episode in episodes])


def measure_returns(environment: gymnasium.Env[Any, Any], controller: Controller, episodes: int, seed: int) -> Array:
    """Undiscounted returns (episodes,) of a controller without noise, episode k seeded by (seed, k)."""
    returns = np.zeros(episodes)
    space = action_space(environment)
    for number in range(episodes):
        generator = np.random.default_rng([seed, number])
        observation, _ = environment.reset(seed=int(generator.integers(MAX_SEED)))
        controller.begin(generator)
        ended = False
        while not ended:
            action = np.clip(controller.act(observation), space.low, space.high)
            observation, reward, terminated, truncated, _ = environment.step(action)
            returns[number] += float(reward)
            ended = terminated or truncated
    return returns
