"""Recipe `halfcheetah-replay`: what a learning policy does at several moments, with three levels of noise.

The policy is linear on normalised observations and learns by augmented random search (Mania et al. 2018, ARS V2).
"""

from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from qdot.data.collect_episodes import MAX_SEED, Schedule, action_space
from qdot.data.collect_shifts import ACTION_BIAS, MIXTURE, SUBOPTIMAL, BiasedController

Array = npt.NDArray[np.float64]

ENVIRONMENT = "HalfCheetah-v4"
DIRECTIONS, BEST = 16, 4  # directions tried per iteration, and how many of them make the step
STEP_SIZE, EXPLORATION = 0.02, 0.03
ITERATIONS, FULL_STEPS = 32, 100_000  # iterations (1.0 million steps of practice) for this many recorded steps
CHECKPOINTS = 8  # evenly spaced over the iterations
NOISES = (0.1, 0.3, 0.6)  # standard deviations on actions in [-1, 1], by turns
# Of the shifted data.
BIAS = 0.1  # the smallest level of noise, so the unbiased action is common, not the mean; 0.3 leaves no return above 0
MIXTURE_NOISES = (0.6, 0.6, 0.6, 0.6, 0.1)  # four of five episodes at the largest noise; unshifted: one of three
MORE_PRACTICE = 2  # they learn as if this many times the steps were recorded: half the steps, but the same checkpoints


@dataclass
class RunningMoments:
    """Mean and standard deviation of every observation seen so far (Chan's update)."""

    mean: Array
    squares: Array
    count: int = 0

    def add(self, observations: Array) -> None:
        """Count a batch (n, obs)."""
        total = self.count + len(observations)
        mean = observations.mean(axis=0)
        shift = mean - self.mean
        self.squares = self.squares + ((observations - mean) ** 2).sum(axis=0)
        self.squares = self.squares + shift**2 * self.count * len(observations) / total
        self.mean = self.mean + shift * len(observations) / total
        self.count = total

    @property
    def deviation(self) -> Array:
        """Standard deviation (obs,); 1 before anything was seen and where nothing varied."""
        deviation = np.sqrt(self.squares / max(self.count - 1, 1))
        return np.where(deviation > 0, deviation, 1.0)


@dataclass(frozen=True)
class LinearController:
    """Action = weights (act, obs) times the normalised observation; the environment's bounds clip it.

    Attributes:
        weights: (act, obs).
        mean: (obs,).
        deviation: (obs,).
    """

    weights: Array
    mean: Array
    deviation: Array
    scaled: Array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Fold the division by the deviation into the weights."""
        object.__setattr__(self, "scaled", self.weights / self.deviation)

    def begin(self, generator: np.random.Generator) -> None:
        """Nothing to start: the controller keeps no state."""

    def act(self, observation: Array) -> Array:
        """The action (act,)."""
        return self.scaled @ (observation - self.mean)


def improve(
    environment: gymnasium.Env[Any, Any], generator: np.random.Generator, iterations: int, checkpoints: int
) -> list[LinearController]:
    """Learn for a number of iterations.

    Returns:
        The policy after `checkpoints` evenly spaced iterations (all of them where there are fewer), the last included.
    """
    actions, width = environment.action_space.shape, environment.observation_space.shape
    assert actions is not None
    assert width is not None
    weights = np.zeros((*actions, *width))
    moments = RunningMoments(np.zeros(width), np.zeros(width))
    kept = set(np.linspace(0, iterations, min(checkpoints, iterations) + 1).round().astype(int)[1:].tolist())
    policies = []
    for iteration in range(1, iterations + 1):
        weights = weights + _search_step(environment, generator, weights, moments)
        if iteration in kept:
            policies.append(LinearController(weights, moments.mean, moments.deviation))
    return policies


def _search_step(
    environment: gymnasium.Env[Any, Any], generator: np.random.Generator, weights: Array, moments: RunningMoments
) -> Array:
    """The change of the weights in one iteration: mean of the best directions, each times its difference of returns."""
    directions = generator.normal(size=(DIRECTIONS, *weights.shape))
    starts = generator.integers(MAX_SEED, size=(DIRECTIONS, 2))
    returns, seen = np.zeros((DIRECTIONS, 2)), []
    for index, direction in enumerate(directions):
        for side, sign in enumerate((1, -1)):
            changed = weights + sign * EXPLORATION * direction
            controller = LinearController(changed, moments.mean, moments.deviation)
            returns[index, side], observations = _practise(environment, controller, int(starts[index, side]))
            seen.append(observations)
    for observations in seen:
        moments.add(observations)
    best = np.argsort(-returns.max(axis=1), kind="stable")[:BEST]
    spread = returns[best].std()
    gain = returns[best, 0] - returns[best, 1]
    return STEP_SIZE / (BEST * (spread if spread > 0 else 1.0)) * np.tensordot(gain, directions[best], axes=1)


def _practise(environment: gymnasium.Env[Any, Any], controller: LinearController, seed: int) -> tuple[float, Array]:
    """Return and observations (n, obs) of one episode."""
    observation, _ = environment.reset(seed=seed)
    total, ended, observations = 0.0, False, [observation]
    while not ended:
        observation, reward, terminated, truncated, _ = environment.step(
            np.clip(controller.act(observation), -1.0, 1.0)
        )
        observations.append(observation)
        total += float(reward)
        ended = terminated or truncated
    return total, np.array(observations[:-1])


def learn(environment: gymnasium.Env[Any, Any], generator: np.random.Generator, steps: int) -> list[LinearController]:
    """The checkpoints of a learning that shrinks with `steps`, so that a test's dataset takes seconds."""
    iterations = min(ITERATIONS, max(1, ITERATIONS * steps // FULL_STEPS))
    return improve(environment, generator, iterations, CHECKPOINTS)


def replay(environment: gymnasium.Env[Any, Any], generator: np.random.Generator, steps: int) -> Schedule:
    """Checkpoints and levels of noise by turns."""
    policies = learn(environment, generator, steps)
    return cycle([(policy, noise) for noise in NOISES for policy in policies])


def replay_biased(environment: gymnasium.Env[Any, Any], generator: np.random.Generator, steps: int) -> Schedule:
    """The same with a constant push on every joint."""
    policies, space = learn(environment, generator, MORE_PRACTICE * steps), action_space(environment)
    return cycle([(BiasedController(policy, BIAS, space), noise) for noise in NOISES for policy in policies])


def mostly_noisy(environment: gymnasium.Env[Any, Any], generator: np.random.Generator, steps: int) -> Schedule:
    """Checkpoints by turns, the levels of noise in other shares."""
    return zip(cycle(learn(environment, generator, MORE_PRACTICE * steps)), cycle(MIXTURE_NOISES), strict=False)


SCHEDULES = {None: replay, SUBOPTIMAL: replay, ACTION_BIAS: replay_biased, MIXTURE: mostly_noisy}  # by `recipe_shift`
