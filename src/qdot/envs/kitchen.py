"""D4RL's Franka kitchen on today's MuJoCo (Fu et al. 2020; the task is Relay Policy Learning's, Gupta et al. 2019)."""

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium_robotics.envs.franka_kitchen.kitchen_env import OBS_ELEMENT_GOALS, OBS_ELEMENT_INDICES
from gymnasium_robotics.envs.franka_kitchen.kitchen_env import KitchenEnv as StockKitchen

from qdot.envs.simulator import require_mujoco

require_mujoco()

Array = npt.NDArray[np.float64]

ROBOT_JOINTS = 9
JOINTS = 30
FRAMES = 40  # simulator steps of 0.002 s per action
MAX_SPEED = 2.0  # rad/s (arm) and m/s (gripper) at action 1
SECONDS = 0.08  # per action
THRESHOLD = 0.3  # distance to an element's goal that completes its task
NOISE_RATIO = 0.1
# Amplitude of the uniform noise on each joint's reading, before the ratio.
NOISE_AMPLITUDE = np.repeat([0.1, 0.005, 0.0005, 0.005, 0.1, 0.005, 0.1, 0.005], [9, 2, 6, 3, 3, 3, 3, 1])


class KitchenEnv(gymnasium.Env[Array, Array]):
    """The kitchen as D4RL's `kitchen-*-v0` datasets know it.

    Observation (60): readings of 30 joint positions with uniform noise, then the 30 goal positions (0 but for the
    tasks' elements). Action (9) in [-1, 1]: joint speeds; the controller aims at the last noisy reading plus
    speed x 0.08 s. Reward +1 when a task's noisy distance to its goal first falls below 0.3; the episode ends when
    all are done, or after 280 steps. D4RL's files record another reward: the number of tasks done so far, in every
    step. `info["recorded_reward"]` is that of the step; a file has it one row later.

    It differs from Gymnasium-Robotics' `FrankaKitchen-v1`, whose model it uses, in the noise (there ten times smaller
    on the robot, 200 times on the rest), in measuring tasks on the noisy readings, and in its observation (there
    positions, velocities and goals in a dictionary). The noise decides scores. Dynamics and constants restate D4RL
    (Apache-2.0).

    Attributes:
        reference_scores: Returns that D4RL calls 0 and 100.
    """

    metadata = {"render_modes": ["human", "rgb_array", "depth_array"], "render_fps": 12}  # noqa: RUF012 - Gymnasium's form
    reference_scores = (0, 4)

    def __init__(self, tasks: Sequence[str], render_mode: str | None = None) -> None:
        """Load the stock model.

        Args:
            tasks: Names of the elements to move, of Gymnasium-Robotics' kitchen.
            render_mode: As in Gymnasium.

        Raises:
            ValueError: a task is unknown.
        """
        for task in tasks:
            if task not in OBS_ELEMENT_GOALS:
                raise ValueError(f"kitchen task {task!r} is unknown; expected some of: {', '.join(OBS_ELEMENT_GOALS)}")
        stock = StockKitchen(tasks_to_complete=list(tasks), render_mode=render_mode)
        self.render_mode = render_mode
        self._robot = stock.robot_env
        self._start = np.array(stock.robot_env.init_qpos)
        self._bounds = stock.robot_env.robot_pos_bound[:ROBOT_JOINTS].T  # low, high
        self._goals = {task: (OBS_ELEMENT_INDICES[task], OBS_ELEMENT_GOALS[task]) for task in tasks}
        self._goal = np.zeros(JOINTS)
        for joints, goal in self._goals.values():
            self._goal[joints] = goal
        self._remaining = list(self._goals)
        self._reading = self._start.copy()
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (ROBOT_JOINTS,), np.float64)
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (2 * JOINTS,), np.float64)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        """Put every joint back, at rest; only the noise is random."""
        super().reset(seed=seed)
        self._robot.reset(seed=seed)
        self._robot.set_state(self._start, np.zeros(self._robot.model.nv))
        self._remaining = list(self._goals)
        return self._observe(), self._info([])

    def step(self, action: Array) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Move for 0.08 s; truncation is the registered time limit."""
        speed = MAX_SPEED * np.clip(action, -1.0, 1.0)
        control = np.clip(self._reading[:ROBOT_JOINTS] + speed * SECONDS, *self._bounds)
        self._robot.do_simulation(control, FRAMES)
        observation = self._observe()
        done = [task for task in self._remaining if self._distance(task) < THRESHOLD]
        self._remaining = [task for task in self._remaining if task not in done]
        if self.render_mode == "human":
            self.render()
        return observation, float(len(done)), not self._remaining, False, self._info(done)

    @property
    def joints(self) -> Array:
        """True joint positions (30,), without noise."""
        return self._robot.data.qpos.copy()

    def take_reading(self, joints: Array) -> None:
        """Make `joints` (30,) the controller's last reading, as when a recorded episode is replayed."""
        self._reading = np.array(joints, dtype=np.float64)

    def _observe(self) -> Array:
        noise = self.np_random.uniform(-1.0, 1.0, JOINTS)
        self._reading = self._robot.data.qpos + NOISE_RATIO * NOISE_AMPLITUDE * noise
        return np.concatenate([self._reading, self._goal])

    def _distance(self, task: str) -> float:
        joints, goal = self._goals[task]
        return float(np.linalg.norm(self._reading[joints] - goal))

    def _info(self, done: list[str]) -> dict[str, Any]:
        completed = [task for task in self._goals if task not in self._remaining]
        told = {"step_tasks": done, "completed_tasks": completed, "success": not self._remaining}
        return {**told, "recorded_reward": float(len(completed))}

    def render(self) -> Any:
        """A frame, as `render_mode` says."""
        return self._robot.render()

    def close(self) -> None:
        """Free the renderer."""
        self._robot.close()
