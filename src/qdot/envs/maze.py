"""A point mass in a U-shaped maze with one fixed goal, on Gymnasium-Robotics' `PointMaze_UMaze-v3`."""

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium_robotics.envs.maze.maps import U_MAZE
from gymnasium_robotics.envs.maze.point_maze import PointMazeEnv as StockPointMaze

from qdot.envs.simulator import require_mujoco

require_mujoco()

Array = npt.NDArray[np.float64]

GOAL_CELL = (3, 1)  # row, column of the map: the far end of the U
GOAL_RADIUS = 0.45  # of the stock environment
WALL = 1


class PointMazeEnv(gymnasium.Env[Array, Array]):
    """Reach the far end of a U-shaped maze and stay there.

    Observation (4): position x, y in metres, velocity x, y in metres per second. Action (2) in [-1, 1]: forces. Reward
    1 for every step that ends within 0.45 m of the goal, else 0; nothing terminates, an episode is 300 steps. It
    differs from the stock `PointMaze_UMaze-v3` in that the goal is always the centre of cell (3, 1), and so is no part
    of the observation. Starts are the stock's: any other cell, uniform within 0.25 m of its centre per axis.

    Attributes:
        reference_scores: Mean returns of a uniform random policy and of the waypoint controller without noise,
            over 1,000 episodes (`qdot.data.collect_references`).
        goal: Position (2,) of the goal, in metres.
    """

    metadata = {"render_modes": ["human", "rgb_array", "depth_array"], "render_fps": 50}  # noqa: RUF012 - Gymnasium's form
    reference_scores = (13.304, 230.192)

    def __init__(self, render_mode: str | None = None) -> None:
        """Load the stock model; `render_mode` as in Gymnasium."""
        self._stock = StockPointMaze(maze_map=U_MAZE, render_mode=render_mode, continuing_task=True, reset_target=False)
        Path(self._stock.tmp_xml_file_path).unlink(missing_ok=True)  # the stock leaves it behind
        self.render_mode = render_mode
        self.goal = self.centre(GOAL_CELL)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float64)
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (4,), np.float64)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        """Draw a start; `options["reset_cell"]` (row, column) fixes its cell."""
        super().reset(seed=seed)
        start = (options or {}).get("reset_cell")
        found, _ = self._stock.reset(seed=seed, options={"goal_cell": GOAL_CELL, "reset_cell": start})
        self._stock.goal = self.goal.copy()  # without the noise that the stock puts on it
        self._stock.update_target_site_pos()
        return found["observation"], {"success": self._reached(found["observation"])}

    def step(self, action: Array) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Push for 0.01 s; truncation is the registered time limit."""
        found, reward, _, _, _ = self._stock.step(action)
        observation = found["observation"]
        return observation, float(reward), False, False, {"success": self._reached(observation)}

    def _reached(self, observation: Array) -> bool:
        return bool(np.linalg.norm(observation[:2] - self.goal) <= GOAL_RADIUS)

    def centre(self, cell: tuple[int, int]) -> Array:
        """Position (2,) of a cell's centre, in metres."""
        return self._stock.maze.cell_rowcol_to_xy(np.array(cell))

    def cell_of(self, position: Array) -> tuple[int, int]:
        """Row and column of the cell that holds a position (2,)."""
        row, column = self._stock.maze.cell_xy_to_rowcol(position)
        return int(row), int(column)

    @property
    def free_cells(self) -> list[tuple[int, int]]:
        """Row and column of every cell that is no wall."""
        cells = self._stock.maze.maze_map
        return [(i, j) for i, row in enumerate(cells) for j, kind in enumerate(row) if kind != WALL]

    def render(self) -> Any:
        """A frame, as `render_mode` says."""
        return self._stock.render()

    def close(self) -> None:
        """Free the renderer."""
        self._stock.close()
