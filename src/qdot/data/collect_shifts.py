"""Shifted data: the same behaviours as a recipe's own, but other shares of them, biased, or only the worse half."""

import math
from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from minari.data_collector import EpisodeBuffer

from qdot.data.collect_episodes import Controller, returns_of

Array = npt.NDArray[np.float64]

SUBOPTIMAL, ACTION_BIAS, MIXTURE = "suboptimal", "action_bias", "mixture"  # values of `recipe_shift`


class BiasedController:
    """A controller whose actions are all off by the same amount."""

    def __init__(self, controller: Controller, bias: float, space: gymnasium.spaces.Box) -> None:
        """Add `bias`, in the units of `space`, to every component of the action that `controller` takes."""
        self._controller, self._bias, self._space = controller, bias, space

    def begin(self, generator: np.random.Generator) -> None:
        """Start an episode."""
        self._controller.begin(generator)

    def act(self, observation: Array) -> Array:
        """The controller's action (act,), clipped as the environment would, plus the bias; it may leave the bounds.

        Without the first clip, a bias would drown in the actions of a controller that asks for more than the bounds.
        """
        return np.clip(self._controller.act(observation), self._space.low, self._space.high) + self._bias


def steps_for_half(environment: gymnasium.Env[Any, Any], steps: int) -> int:
    """Steps to record, in whole episodes up to the time limit, so that half of the episodes hold `steps` steps."""
    assert environment.spec is not None
    length = environment.spec.max_episode_steps
    assert length is not None
    return 2 * math.ceil(steps / length) * length


def worse_half(episodes: list[EpisodeBuffer], steps: int) -> list[EpisodeBuffer]:
    """The half with the lowest returns, in the order of recording; the last one is cut at `steps`, as by a time limit.

    Args:
        episodes: All of the same length, an even number; of equal returns the earlier one counts as worse.
        steps: To keep in all; at most those of half the episodes.
    """
    ranked = np.argsort(returns_of(episodes), kind="stable")
    kept = [episodes[index] for index in sorted(ranked[: len(episodes) // 2])]
    surplus = sum(map(len, kept)) - steps
    return [*kept[:-1], _cut(kept[-1], len(kept[-1]) - surplus)]


def _cut(episode: EpisodeBuffer, steps: int) -> EpisodeBuffer:
    """The first `steps` steps; where that is not the whole episode, its end counts as a time limit."""
    truncations = np.array(episode.truncations[:steps])
    truncations[-1] |= not episode.terminations[steps - 1]
    return replace(
        episode,
        observations=episode.observations[: steps + 1],
        actions=episode.actions[:steps],
        rewards=episode.rewards[:steps],
        terminations=episode.terminations[:steps],
        truncations=truncations,
    )
