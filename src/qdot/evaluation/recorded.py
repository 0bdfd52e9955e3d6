"""An environment that keeps what one looks at while its episode runs."""

from collections.abc import Callable
from typing import Any

import gymnasium


class Recorded(gymnasium.Wrapper[Any, Any, Any, Any]):
    """An environment with the same numbers, watched; `run_block` then steps it by itself, as Gymnasium does.

    Attributes:
        steps: Steps after which was looked, 0 being the start.
        seen: What was seen then.
    """

    def __init__(
        self,
        environment: gymnasium.Env[Any, Any],
        look: Callable[[gymnasium.Env[Any, Any], Any], Any],
        every: int = 1,
        until: int | None = None,
    ) -> None:
        """Watch an environment.

        Args:
            environment: Not yet reset.
            look: From the environment and its observation to what is kept.
            every: Steps from one look to the next.
            until: The last step that is looked at; None for no last one.
        """
        super().__init__(environment)
        self._look, self._every, self._until = look, every, until
        self.steps: list[int] = []
        self.seen: list[Any] = []
        self._done = 0

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        """Start an episode; what was seen of the last one is dropped."""
        observation, information = self.env.reset(**options)
        self.steps, self.seen, self._done = [], [], 0
        self._note(observation)
        return observation, information

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step, and look where it is time."""
        observation, reward, terminated, truncated, information = self.env.step(action)
        self._done += 1
        if self._done % self._every == 0 and (self._until is None or self._done <= self._until):
            self._note(observation)
        return observation, reward, terminated, truncated, information

    def _note(self, observation: Any) -> None:
        self.steps.append(self._done)
        self.seen.append(self._look(self.env, observation))
