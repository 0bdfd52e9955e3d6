"""What MuJoCo environments make of simulator states, for many copies at once and in their own order of arithmetic."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Verdict(NamedTuple):
    """What a step came to, a row per copy.

    Attributes:
        observations: (n, obs).
        rewards: (n,).
        terminated: (n,), or False where nothing terminates.
        success: (n,); None where the environment tells none.
    """

    observations: Array
    rewards: Array
    terminated: Array | bool
    success: Array | None = None


class Kind(Protocol):
    """An environment whose step is: set the motors, simulate, look at positions and velocities."""

    def command(self, actions: Array) -> Array:
        """What the motors get, (n, nu), for actions (n, act)."""
        ...

    def judge(self, robots: Sequence[Any], before: Array, after: Array, velocities: Array, commands: Array) -> Verdict:
        """Observe and reward a step.

        Args:
            robots: The n environments, unwrapped.
            before: Positions (n, nq) before the step.
            after: And after it.
            velocities: (n, nv) after it.
            commands: (n, nu) what the motors got.
        """
        ...


@dataclass(frozen=True)
class Runner:
    """A locomotion environment of Gymnasium's (`-v4`), rewarded for speed along x.

    Attributes:
        stands: Whether each copy is healthy, from one of them, positions and velocities; None where nothing falls.
        velocity_limit: What its observation clips velocities to.
        action_limit: What it clips actions to, before motors and control cost.
    """

    stands: Callable[[Any, Array, Array], Array] | None = None
    velocity_limit: float | None = None
    action_limit: float | None = None

    def command(self, actions: Array) -> Array:
        """The actions, clipped where the environment does."""
        return actions if self.action_limit is None else actions.clip(-self.action_limit, self.action_limit)

    def judge(self, robots: Sequence[Any], before: Array, after: Array, velocities: Array, commands: Array) -> Verdict:
        """Speed, plus health, minus the square of the action; see `Kind`."""
        one, terminated = robots[0], False
        rewards = one._forward_reward_weight * ((after[:, 0] - before[:, 0]) / one.dt)
        if self.stands:
            standing = self.stands(one, after, velocities)
            rewards += (standing | one._terminate_when_unhealthy) * one._healthy_reward
            terminated = ~standing & one._terminate_when_unhealthy
        rewards = rewards - one._ctrl_cost_weight * np.square(commands).sum(axis=1)
        if self.velocity_limit is not None:
            velocities = velocities.clip(-self.velocity_limit, self.velocity_limit)
        shown = after[:, int(one._exclude_current_positions_from_observation) :]
        return Verdict(np.concatenate([shown, velocities], axis=1), rewards, terminated)


class Maze:
    """D4RL's AntMaze: rewarded, and over, near the goal."""

    def __init__(self) -> None:
        """Take the environment's constants."""
        from qdot.envs.antmaze import GOAL_RADIUS, TORQUE

        self._radius, self._torque = GOAL_RADIUS, TORQUE

    def command(self, actions: Array) -> Array:
        """Torques."""
        return self._torque * actions.clip(-1.0, 1.0)

    def judge(self, robots: Sequence[Any], before: Array, after: Array, velocities: Array, commands: Array) -> Verdict:
        """1 for each copy at its own goal; see `Kind`."""
        places = zip(after[:, :2], robots, strict=True)
        near = np.array([np.linalg.norm(place - robot.goal) <= self._radius for place, robot in places])
        return Verdict(np.concatenate([after, velocities], axis=1), near.astype(float), near, near)


def _within(values: Array, bounds: tuple[float, float]) -> Array:
    return (bounds[0] < values) & (values < bounds[1])


def _walker_stands(one: Any, positions: Array, velocities: Array) -> Array:
    """Height and angle in range, as Gymnasium's `Walker2d-v4` wants them."""
    return _within(positions[:, 1], one._healthy_z_range) & _within(positions[:, 2], one._healthy_angle_range)


def _hopper_stands(one: Any, positions: Array, velocities: Array) -> Array:
    """And every other coordinate and velocity, as `Hopper-v4` wants them."""
    state = np.concatenate([positions[:, 2:], velocities], axis=1)
    sane = _within(state, one._healthy_state_range).all(axis=1)
    return np.asarray(sane & _walker_stands(one, positions, velocities))


# By class. Another class, a subclass too, is stepped one by one.
KINDS: dict[str, Callable[[], Kind]] = {
    "gymnasium.envs.mujoco.half_cheetah_v4:HalfCheetahEnv": Runner,
    "gymnasium.envs.mujoco.hopper_v4:HopperEnv": partial(Runner, _hopper_stands, 10.0),
    "gymnasium.envs.mujoco.walker2d_v4:Walker2dEnv": partial(Runner, _walker_stands, 10.0),
    "qdot.envs.locomotion:HalfCheetahEnv": partial(Runner, action_limit=1.0),
    "qdot.envs.locomotion:HopperEnv": partial(Runner, _hopper_stands, 10.0, 1.0),
    "qdot.envs.locomotion:Walker2dEnv": partial(Runner, _walker_stands, 10.0, 1.0),
    "qdot.envs.antmaze:AntMazeEnv": Maze,
}
