"""Recipe `pendulum`: swing up by energy, balance by a PD controller, with three levels of noise."""

from itertools import cycle
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from qdot.data.collect_episodes import Schedule

Array = npt.NDArray[np.float64]

ENVIRONMENT = "Pendulum-v1"
NOISES = (0.1, 0.3, 0.6)  # standard deviations, as shares of the largest torque, by turns
GRAVITY, MASS, LENGTH = 10.0, 1.0, 1.0  # of Pendulum-v1
SWING_GAIN = 2.0  # torque per energy (N m / J)
BALANCE_COSINE = 0.9  # above it the pendulum is balanced, below it swung
ANGLE_GAIN, SPEED_GAIN = 10.0, 2.0


class SwingUpController:
    """Torque along the motion until the energy is that of standing upright, then a PD controller."""

    def begin(self, generator: np.random.Generator) -> None:
        """Nothing to start: the controller keeps no state."""

    def act(self, observation: Array) -> Array:
        """Torque (1,) from cosine and sine of the angle from upright, and speed (3,)."""
        cosine, sine, speed = (float(value) for value in observation)
        if cosine > BALANCE_COSINE:
            return np.array([-ANGLE_GAIN * np.arctan2(sine, cosine) - SPEED_GAIN * speed])
        kinetic = MASS * LENGTH**2 * speed**2 / 6
        potential = MASS * GRAVITY * LENGTH * (cosine - 1) / 2  # 0 when upright
        return np.array([-SWING_GAIN * (kinetic + potential) * (1.0 if speed >= 0 else -1.0)])


def swing_up(environment: gymnasium.Env[Any, Any], generator: np.random.Generator, steps: int) -> Schedule:
    """One controller, the levels of noise by turns."""
    return cycle([(SwingUpController(), noise) for noise in NOISES])


SCHEDULES = {None: swing_up}  # by `recipe_shift`: it knows none
