"""Copies of an environment stepped together: the numbers of one by one, at nearly the rate of the simulator alone.

Between two `mj_step` a locomotion environment of Gymnasium spends up to a third of its time on small arrays. Here
observation, reward and termination of all copies come from one numpy expression (`qdot.envs.kinds`), and
`mj_rnePostConstraint`, whose contact forces these environments do not read, is left out. `mujoco.rollout` would step a
batch in one call, but hands back no warm start of the constraint solver: the next step's bits would be others.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.wrappers import OrderEnforcing, PassiveEnvChecker, TimeLimit

from qdot.envs.kinds import KINDS, Kind

Array = npt.NDArray[Any]
Indices = npt.NDArray[np.intp]
Environment = gymnasium.Env[Any, Any]


class Outcome(NamedTuple):
    """What a step came to, a row per running lane.

    Attributes:
        rewards: (running,).
        over: (running,) whether the episode ended, terminated or truncated.
        success: The environment's `info["success"]` by lane, of those that tell.
        recorded: (running,) what its datasets hold as the step's reward: `info["recorded_reward"]` of an environment
            that tells, elsewhere the reward.
    """

    rewards: Array
    over: npt.NDArray[np.bool_]
    success: dict[int, bool]
    recorded: Array


class Lanes:
    """Any Gymnasium environments, an episode each, stepped one by one."""

    def __init__(self, environments: Sequence[Environment]) -> None:
        """Take environments, not yet reset."""
        self._environments = environments

    def reset(self, seeds: Sequence[int]) -> list[Array]:
        """Start an episode in each; returns the first observations."""
        return [environment.reset(seed=seed)[0] for environment, seed in zip(self._environments, seeds, strict=True)]

    def step(self, running: Indices, actions: Array, observations: Array) -> Outcome:
        """Step some of the lanes.

        Args:
            running: Indices of the lanes, ascending; no lane that was left out comes back before a reset.
            actions: (at least lanes, act); the rows of running lanes are taken.
            observations: (at least lanes, obs); the rows of running lanes are written.
        """
        rewards, recorded, over = np.zeros(len(running)), np.zeros(len(running)), np.zeros(len(running), bool)
        success = {}
        for row, lane in enumerate(running.tolist()):
            observations[lane], reward, terminated, truncated, info = self._environments[lane].step(actions[lane])
            rewards[row], over[row] = float(reward), terminated or truncated
            recorded[row] = float(info.get("recorded_reward", reward))
            if "success" in info:
                success[lane] = bool(info["success"])
        return Outcome(rewards, over, success, recorded)


class SimulatorLanes(Lanes):
    """Copies of a MuJoCo environment of a known kind: the simulator's step each, the rest for all at once."""

    def __init__(self, environments: Sequence[Environment], kind: Kind) -> None:
        """Take environments of one specification, with no wrappers but Gymnasium's own."""
        super().__init__(environments)
        import mujoco

        self._simulate, self._kind = mujoco.mj_step, kind
        self._all: list[Any] = [environment.unwrapped for environment in environments]
        self._limits = np.array([_time_limit(environment) for environment in environments])

    def reset(self, seeds: Sequence[int]) -> list[Array]:
        """Start an episode in each, as the environments themselves do."""
        starts = super().reset(seeds)
        self._steps = 0
        self._select(np.arange(len(seeds)))
        return starts

    def _select(self, running: Indices) -> None:
        """Collect what the running lanes' steps touch; the arrays are views of the simulator's."""
        self._robots = [self._all[lane] for lane in running]
        self._motors = [(robot.model, robot.data, robot.data.ctrl) for robot in self._robots]
        self._views = [robot.data.qpos for robot in self._robots], [robot.data.qvel for robot in self._robots]
        self._positions, _ = self._state()

    def _state(self) -> tuple[Array, Array]:
        """Positions (running, nq) and velocities (running, nv)."""
        positions, velocities = (np.concatenate(views).reshape(len(views), -1) for views in self._views)
        return positions, velocities

    def step(self, running: Indices, actions: Array, observations: Array) -> Outcome:
        """Step some of the lanes, as `Lanes.step`.

        Raises:
            ValueError: the actions have another width than the motors.
        """
        if len(running) != len(self._robots):
            self._select(running)
        rows = slice(len(self._all)) if len(running) == len(self._all) else running
        commands = self._kind.command(np.ascontiguousarray(actions[rows]))
        motors, frames = self._robots[0].model.nu, self._robots[0].frame_skip
        if commands.shape[1:] != (motors,):
            raise ValueError(f"actions: found shape {actions.shape}, expected (lanes, {motors})")
        for (model, data, control), command in zip(self._motors, commands, strict=True):
            control[:] = command
            self._simulate(model, data, frames)
        self._steps += 1
        before, (self._positions, velocities) = self._positions, self._state()
        verdict = self._kind.judge(self._robots, before, self._positions, velocities, commands)
        observations[rows] = verdict.observations
        told = {} if verdict.success is None else dict(zip(running.tolist(), verdict.success.tolist(), strict=True))
        over = verdict.terminated | (self._steps >= self._limits[rows])
        return Outcome(verdict.rewards, over, told, verdict.rewards)


def _time_limit(environment: Environment) -> float:
    """After how many steps its wrappers truncate an episode; infinite without a limit."""
    limit = np.inf
    while isinstance(environment, gymnasium.Wrapper):
        if isinstance(environment, TimeLimit):
            limit = min(limit, environment._max_episode_steps)
        environment = environment.env
    return limit


def _is_plain(environment: Environment) -> bool:
    """Whether only wrappers that leave the numbers alone, and the time limit, are around it, and nobody watches."""
    while isinstance(environment, gymnasium.Wrapper):
        if type(environment) not in (PassiveEnvChecker, OrderEnforcing, TimeLimit):
            return False
        environment = environment.env
    return environment.render_mode is None


def lanes_of(environments: Sequence[Environment]) -> Lanes:
    """The fastest lanes that give these environments' own numbers."""
    base = type(environments[0].unwrapped)
    kind = KINDS.get(f"{base.__module__}:{base.__qualname__}")
    spec = environments[0].spec
    alike = spec is not None and all(environment.spec == spec for environment in environments)
    if kind and alike and all(_is_plain(environment) for environment in environments):
        return SimulatorLanes(environments, kind())
    return Lanes(environments)
