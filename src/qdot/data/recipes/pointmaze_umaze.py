"""PointMaze UMaze: a waypoint controller walks between random cells; rewards are those of the one goal (3, 1).

The controller is D4RL's for maze2d: breadth-first search over cells, PD control towards the next waypoint.
"""

from collections import deque

import gymnasium
import numpy as np

import qdot.envs  # noqa: F401 - registers the maze
from qdot.data.recipes.episode import Array, Episode, episode_seeds, record
from qdot.envs.maze import GOAL_CELL, PointMazeEnv

ENVIRONMENT = "qdot/pointmaze-umaze"
PROPORTIONAL, DERIVATIVE = 10.0, -1.0
NOISE = 0.5
ARRIVED = 0.45  # distance at which a goal is reached and the next one drawn
Cell = tuple[int, int]


class Waypoints:
    """Walks to a goal cell by the shortest way.

    Attributes:
        goal: The goal's position (2,).
    """

    def __init__(self, maze: PointMazeEnv, goal: Cell) -> None:
        """Search every cell's next step towards `goal` (row, column)."""
        self._maze = maze.stock.maze
        self._next = self._search(goal)
        self.goal = self._centre(goal)

    def _centre(self, cell: Cell) -> Array:
        return np.asarray(self._maze.cell_rowcol_to_xy(np.array(cell)), np.float64)

    def _search(self, goal: Cell) -> dict[Cell, Cell]:
        """Breadth-first search from the goal: the neighbour to go to, by cell."""
        found, queue = {goal: goal}, deque([goal])
        while queue:
            row, column = queue.popleft()
            for cell in ((row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)):
                if cell not in found and self._maze.maze_map[cell[0]][cell[1]] != 1:
                    found[cell] = (row, column)
                    queue.append(cell)
        return found

    def __call__(self, observation: Array) -> Array:
        """Force (2,) for an observation (position, velocity)."""
        position, velocity = observation[:2], observation[2:]
        cell: Cell = tuple(int(index) for index in self._maze.cell_xy_to_rowcol(position))  # type: ignore[assignment]
        target = self._centre(self._next.get(cell, cell))
        return PROPORTIONAL * (target - position) + DERIVATIVE * velocity


def free_cells(maze: PointMazeEnv) -> list[Cell]:
    """Every cell without a wall."""
    walls = maze.stock.maze.maze_map
    return [(row, column) for row, line in enumerate(walls) for column, wall in enumerate(line) if wall != 1]


def expert(maze: PointMazeEnv) -> Waypoints:
    """The controller of the one goal, without noise: what a score of 100 refers to."""
    return Waypoints(maze, GOAL_CELL)


def collect(seed: int, steps: int) -> list[Episode]:
    """Episodes until `steps` steps are recorded; the last one is cut off."""
    environment = gymnasium.make(ENVIRONMENT)
    maze = environment.unwrapped
    assert isinstance(maze, PointMazeEnv)
    cells = free_cells(maze)
    walks = {cell: Waypoints(maze, cell) for cell in cells}
    episodes: list[Episode] = []
    while (left := steps - sum(len(episode.rewards) for episode in episodes)) > 0:
        random = episode_seeds(seed, len(episodes))
        start, walk = int(random.integers(2**31)), walks[cells[random.integers(len(cells))]]

        def act(observation: Array) -> Array:
            nonlocal walk
            if np.linalg.norm(observation[:2] - walk.goal) <= ARRIVED:
                walk = walks[cells[random.integers(len(cells))]]  # noqa: B023 - called within this iteration only
            return walk(observation) + random.normal(0, NOISE, 2)  # noqa: B023

        episodes.append(record(environment, act, start, left))
    return episodes
