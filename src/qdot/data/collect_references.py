"""The returns that a collected dataset's scores call 0 and 100: `python -m qdot.data.collect_references`."""

import sys
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

import qdot.envs  # noqa: F401 - registers our environments
from qdot.data import collect_maze, collect_pendulum
from qdot.data.collect_episodes import Controller, RandomController, action_space, measure_returns
from qdot.errors import ParamsError

Array = npt.NDArray[np.float64]

EPISODES = 1000
ENVIRONMENTS = {"pointmaze-umaze": collect_maze.ENVIRONMENT, "pendulum": collect_pendulum.ENVIRONMENT}


@dataclass(frozen=True)
class References:
    """Returns of each episode.

    Attributes:
        random: Of a uniform random policy.
        expert: Of the collecting controller without noise, on the same starts.
    """

    random: Array
    expert: Array


def _expert(recipe: str, environment: gymnasium.Env[Any, Any]) -> Controller:
    if recipe == "pointmaze-umaze":
        return collect_maze.controller_of(environment, fixed=True)
    return collect_pendulum.SwingUpController()


def reference_returns(recipe: str, episodes: int, seed: int = 0) -> References:
    """Measure both policies of a recipe's environment.

    Raises:
        ParamsError: the recipe has no measured references (HalfCheetah's are D4RL's own).
    """
    if recipe not in ENVIRONMENTS:
        raise ParamsError(f"recipe {recipe!r}: no references to measure; expected one of: {', '.join(ENVIRONMENTS)}")
    environment = gymnasium.make(ENVIRONMENTS[recipe])
    random = measure_returns(environment, RandomController(action_space(environment)), episodes, seed)
    expert = measure_returns(environment, _expert(recipe, environment), episodes, seed)
    environment.close()
    return References(random, expert)


def main() -> None:
    """Print the references of every recipe that has its own."""
    for recipe in ENVIRONMENTS:
        found = reference_returns(recipe, EPISODES)
        means = f"random {found.random.mean():.3f}, expert {found.expert.mean():.3f}"
        sys.stdout.write(f"{recipe}: {EPISODES} episodes, {means}\n")


if __name__ == "__main__":
    main()
