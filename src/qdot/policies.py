"""A trained policy as a simulator's loop wants one: Gymnasium's spaces, and a call from observation to action."""

from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium.spaces import Box

from qdot.training.checkpoint import Policy


class LoadedPolicy(Policy):
    """A policy of a file, to call; everything that `Policy` has, it has too."""

    @property
    def observation_space(self) -> Box:
        """Box (obs,), in the environment's units. Without bounds: a policy takes any finite number.

        Of float64, which holds what float32 environments give as well.
        """
        return Box(-np.inf, np.inf, (self.model.observation_dim,), np.float64)

    @property
    def action_space(self) -> Box:
        """Box (act,) float32 with the bounds that the policy was trained with, in the environment's units."""
        low, high = (np.asarray(self.description[f"action_{end}"], np.float32) for end in ("low", "high"))
        return Box(low, high, dtype=np.float32)

    def __call__(self, observation: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """The action of the first of `readouts`, bit for bit as `act` gives it.

        Args:
            observation: (obs,), or a batch (n, obs), in the environment's units.

        Returns:
            (act,), or (n, act), float32, in the environment's units.

        Raises:
            ValueError: the observation has another shape, holds a number that is not finite, or holds no numbers; or
                the first readout samples, and so needs `act` with generators.
        """
        values = self._numbers(observation)
        return self.act(values) if values.ndim == 2 else self.act(values[None])[0]

    def _numbers(self, observation: npt.ArrayLike) -> npt.NDArray[Any]:
        """The observation as float32, (obs,) or (n, obs), checked."""
        width = self.model.observation_dim
        wanted = f"expected finite numbers of shape ({width},), or (n, {width}) for a batch"
        try:
            with np.errstate(over="ignore"):  # the check below names what is too large for float32
                values = np.asarray(observation, np.float32)
        except (TypeError, ValueError) as error:
            raise ValueError(f"observation: found {type(observation).__name__} ({error}), {wanted}") from error
        if values.ndim not in (1, 2) or values.shape[-1] != width:
            raise ValueError(f"observation: found shape {values.shape}, {wanted}")
        bad = ~np.isfinite(values)
        if bad.any():
            place = tuple(int(index) for index in np.argwhere(bad)[0])
            raise ValueError(
                f"observation: found {values[place]} at {list(place)}, {wanted}; a simulation that blew up gives such"
            )
        return values
