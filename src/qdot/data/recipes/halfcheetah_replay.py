"""HalfCheetah: what ARS-V2 (Mania et al. 2018) had learned at checkpoints, replayed with noise.

Stock Gymnasium `HalfCheetah-v4`: not D4RL's capsules, so scores are not comparable with `halfcheetah-*-v2`.
"""

from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np

from qdot.data.recipes.episode import Array, Episode, episode_seeds, record

ENVIRONMENT = "HalfCheetah-v4"
FULL_STEPS, FULL_ITERATIONS = 100_000, 32  # fewer recorded steps: fewer iterations, in proportion
DIRECTIONS, BEST, STEP, NOISE = 16, 4, 0.02, 0.03
EVERY = 4  # iterations between checkpoints; by iteration, never by clock
ACTION_NOISES = (0.1, 0.3, 0.6)
SEARCH, REPLAY = 0, 1  # streams


@dataclass(frozen=True)
class Linear:
    """A linear policy on normalised observations.

    Attributes:
        weights: (act, obs).
        mean: (obs,).
        std: (obs,).
    """

    weights: Array
    mean: Array
    std: Array

    def __call__(self, observation: Array) -> Array:
        """Action (act,)."""
        return self.weights @ ((observation - self.mean) / self.std)


class Moments:
    """Running mean and standard deviation of all observations seen."""

    def __init__(self, width: int) -> None:
        """Start with nothing seen."""
        self._count, self._mean, self._square = 0, np.zeros(width), np.zeros(width)

    def add(self, observations: Array) -> None:
        """Take in (n, width) observations (Chan et al.'s pairwise update)."""
        count, mean = len(observations), observations.mean(axis=0)
        total, shift = self._count + count, mean - self._mean
        self._square += ((observations - mean) ** 2).sum(axis=0) + shift**2 * self._count * count / total
        self._mean += shift * count / total
        self._count = total

    def policy(self, weights: Array) -> Linear:
        """`weights` on observations normalised by what was seen so far."""
        if not self._count:
            return Linear(weights, np.zeros_like(self._mean), np.ones_like(self._mean))
        std = np.sqrt(self._square / self._count)
        return Linear(weights, self._mean.copy(), np.where(std < 1e-7, np.inf, std))


def search(environment: gymnasium.Env[Any, Any], seed: int, iterations: int) -> list[Linear]:
    """ARS-V2; returns the policies at iterations 0, EVERY, 2 EVERY, ... and at the last."""
    spaces = environment.observation_space, environment.action_space
    assert spaces[0].shape is not None
    assert spaces[1].shape is not None
    weights, moments = np.zeros((*spaces[1].shape, *spaces[0].shape)), Moments(spaces[0].shape[0])
    checkpoints = [moments.policy(weights.copy())]
    for iteration in range(1, iterations + 1):
        random = episode_seeds(seed, SEARCH, iteration)
        directions = random.standard_normal((DIRECTIONS, *weights.shape))
        pairs = np.zeros((DIRECTIONS, 2))
        seen = []
        for index, direction in enumerate(directions):
            start = int(random.integers(2**31))
            for side, sign in enumerate((1, -1)):
                episode = record(environment, moments.policy(weights + sign * NOISE * direction), start)
                pairs[index, side] = episode.rewards.sum()
                seen.append(episode.observations[:-1])
        best = np.argsort(-pairs.max(axis=1), kind="stable")[:BEST]
        gradient = np.tensordot(pairs[best, 0] - pairs[best, 1], directions[best], axes=1)
        weights = weights + STEP / (BEST * pairs[best].std()) * gradient
        moments.add(np.concatenate(seen))
        if iteration % EVERY == 0 or iteration == iterations:
            checkpoints.append(moments.policy(weights.copy()))
    return checkpoints


def collect(seed: int, steps: int) -> list[Episode]:
    """Learn, then replay checkpoints and noises in turn until `steps` steps are recorded; the last one is cut off."""
    environment = gymnasium.make(ENVIRONMENT)
    policies = search(environment, seed, max(1, FULL_ITERATIONS * steps // FULL_STEPS))
    mixture = [(policy, noise) for policy in policies for noise in ACTION_NOISES]
    episodes: list[Episode] = []
    while (left := steps - sum(len(episode.rewards) for episode in episodes)) > 0:
        random = episode_seeds(seed, REPLAY, len(episodes))
        policy, noise = mixture[len(episodes) % len(mixture)]
        start = int(random.integers(2**31))
        act = lambda o: policy(o) + random.normal(0, noise, len(policy.weights))  # noqa: B023, E731
        episodes.append(record(environment, act, start, left))
    return episodes
