"""D4RL's AntMaze on today's MuJoCo: Gymnasium's ant with D4RL's motors and contacts, between walls."""

from collections.abc import Iterator
from typing import Any

import gymnasium
import mujoco
import numpy as np
import numpy.typing as npt
from gymnasium.utils import EzPickle

from qdot.envs.locomotion import OldSimulatorEnv

Array = npt.NDArray[np.float64]

# Walls, start and goal; the start is the origin, x grows to the right and y downwards.
MAZES = {
    "umaze": ("#####", "#S..#", "###.#", "#G..#", "#####"),
    "medium": ("########", "#S.##..#", "#..#...#", "##...###", "#..#...#", "#.#..#.#", "#...#.G#", "########"),
    "large": (
        "############",
        "#S...#.....#",
        "#.##.#.#.#.#",
        "#......#...#",
        "#.####.###.#",
        "#..#.#.....#",
        "##.#.#.#.###",
        "#..#...#.G.#",
        "############",
    ),
}
CELL = 4.0  # m
WALL_HEIGHT = 2.0  # m
FRAMES = 5  # simulator steps of 0.02 s per action
TIMESTEP = 0.02  # s
TORQUE = 30.0  # of a motor at action 1, N m
GOAL_RADIUS = 0.5  # m
START_NOISE = 0.1


class AntMazeEnv(OldSimulatorEnv, EzPickle):
    """The maze as D4RL's `antmaze-*` datasets know it: an ant that has to come to a goal it is not shown.

    Observation (29): all 15 positions, x and y included, and all 14 velocities. Action (8) in [-1, 1]: torques, times
    30. Reward 1, and the end, within 0.5 m of the goal; a fall ends nothing; an episode is 700 steps at most in
    `umaze`, else 1,000. A start is the model's own pose with noise, at the origin. The goal lies in a fixed cell, at
    its centre plus U(0, 1) + U(0, .5) m per axis: drawn at each reset in `-v2`; in `-v0` at the first one, and
    whenever `reset` is given a seed, which decides everything. Gymnasium-Robotics' `AntMaze_*-v5` is another task: its
    ant has motors of gear 150 (a walker trained for D4RL falls on its back), other time steps, contacts and capsules,
    its observation is a dictionary with contact forces, and its goals and starts are others. Here the model is
    Gymnasium's `ant.xml`, patched when it is loaded. Constants restate D4RL (Apache-2.0).

    Attributes:
        reference_scores: Returns that D4RL calls 0 and 100.
        goal: Position (2,) of the goal, in metres.
    """

    metadata = {"render_modes": ["human", "rgb_array", "depth_array", "rgbd_tuple"], "render_fps": 10}  # noqa: RUF012 - Gymnasium's form
    reference_scores = (0.0, 1.0)
    hidden = 0

    def __init__(self, maze: str, goal_each_reset: bool = True, render_mode: str | None = None) -> None:
        """Load the stock ant, patch it and build the walls.

        Args:
            maze: A name of `MAZES`.
            goal_each_reset: As in `-v2`; else as in `-v0`.
            render_mode: As in Gymnasium.

        Raises:
            ValueError: no such maze.
        """
        if maze not in MAZES:
            raise ValueError(f"maze {maze!r} is unknown; expected one of: {', '.join(MAZES)}")
        EzPickle.__init__(self, maze, goal_each_reset, render_mode)
        self._maze, self._goal_each_reset = MAZES[maze], goal_each_reset
        (self._goal_cell,) = self.cells("G")
        self.goal = np.array(self._goal_cell)
        self._goal_is_drawn = False
        middle = CELL / 2 * (np.array([len(self._maze[0]), len(self._maze)]) - 3)
        camera: dict[str, Any] = {
            "lookat": np.array([*middle, 0.0]),
            "distance": 3 * middle.max() + 10,
            "elevation": -60,
        }
        space = gymnasium.spaces.Box(-np.inf, np.inf, (29,), np.float64)
        super().__init__("ant.xml", FRAMES, space, render_mode, default_camera_config=camera)

    def cells(self, kinds: str) -> Iterator[tuple[float, float]]:
        """Centres (x, y) in metres of the cells of some kinds: `#` wall, `.` free, `S` start, `G` goal."""
        for row, line in enumerate(self._maze):
            for column, kind in enumerate(line):
                if kind in kinds:
                    yield CELL * (column - 1), CELL * (row - 1)

    def _read_model(self) -> mujoco.MjSpec:
        spec = super()._read_model()
        spec.option.timestep = TIMESTEP
        for actuator in spec.actuators:
            actuator.gear[0] = 1.0
            actuator.ctrlrange = [-TORQUE, TORQUE]
        for x, y in self.cells("#"):
            half = [CELL / 2, CELL / 2, WALL_HEIGHT / 2]
            wall = spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, pos=[x, y, WALL_HEIGHT / 2], size=half)
            wall.contype, wall.conaffinity, wall.rgba = 1, 1, [0.7, 0.5, 0.3, 1.0]
        for geom in spec.geoms:
            geom.solref = [0.02, 1.0]
            geom.solimp[:3] = [0.8, 0.8, 0.01]
        spec.worldbody.add_site(name="goal", pos=[*self._goal_cell, 0.0], size=[GOAL_RADIUS] * 3, rgba=[0, 1, 0, 0.5])
        return spec

    def _set_action_space(self) -> gymnasium.spaces.Space:
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (self.model.nu,), np.float32)
        return self.action_space

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        """Put the ant at the start; `-v0` keeps its goal unless a seed is given."""
        if seed is not None or self._goal_each_reset:
            self._goal_is_drawn = False
        return super().reset(seed=seed, options=options)

    def reset_model(self) -> Array:
        """Draw a start, and a goal where one is due."""
        positions = self.init_qpos + self.np_random.uniform(-START_NOISE, START_NOISE, self.model.nq)
        velocities = self.init_qvel + START_NOISE * self.np_random.standard_normal(self.model.nv)
        self.set_state(positions, velocities)
        if not self._goal_is_drawn:
            self._goal_is_drawn = True
            self.goal = self._goal_cell + self.np_random.uniform(0, 1, 2) + self.np_random.uniform(0, 0.5, 2)
            self.model.site("goal").pos[:2] = self.goal
        return self._get_obs()

    def step(  # type: ignore[override]  # Gymnasium's type allows no success among the information
        self, action: npt.NDArray[np.floating]
    ) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Push for 0.1 s; truncation is the registered time limit."""
        self.do_simulation(TORQUE * np.clip(action, -1.0, 1.0), self.frame_skip)
        observation = self._get_obs()
        success = bool(np.linalg.norm(observation[:2] - self.goal) <= GOAL_RADIUS)
        if self.render_mode == "human":
            self.render()
        return observation, float(success), success, False, {"success": success}

    def _get_reset_info(self) -> dict[str, Any]:
        return {"success": False}

    def _get_obs(self) -> Array:
        return self.state_vector()
