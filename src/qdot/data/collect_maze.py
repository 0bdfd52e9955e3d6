"""Recipe `pointmaze-umaze`: wander between random goals of the maze, scored by its one fixed goal."""

from itertools import cycle, repeat

import gymnasium
import numpy as np
import numpy.typing as npt

from qdot.data.collect_episodes import RandomController, Schedule, action_space
from qdot.data.collect_shifts import ACTION_BIAS, MIXTURE, SUBOPTIMAL, BiasedController
from qdot.envs.maze import GOAL_RADIUS, PointMazeEnv

Array = npt.NDArray[np.float64]
Cell = tuple[int, int]

ENVIRONMENT = "qdot/pointmaze-umaze"
POSITION_GAIN, VELOCITY_GAIN = 10.0, -1.0  # as D4RL's waypoint controller
NOISE = 0.5  # standard deviation on actions in [-1, 1]
GOAL_NOISE = 0.25  # metres around a cell's centre, as the stock environment
# Of the shifted data.
BIAS = 0.5  # away from the goal's corner; one deviation of the noise, so the unbiased action is common, not the mean
RANDOM_TURNS = (
    4  # four of five episodes are of uniform random actions, the noisiest behaviour there is; unshifted: none
)


class WaypointController:
    """Goes to its goal along the shortest path of cells, by a PD controller on the next cell's centre."""

    def __init__(self, maze: PointMazeEnv, fixed: bool) -> None:
        """Steer in `maze`: to its own goal if `fixed`, else to random goals, a new one whenever one is reached."""
        self._maze, self._fixed = maze, fixed
        self._goal = maze.goal
        self._generator = np.random.default_rng(0)

    def begin(self, generator: np.random.Generator) -> None:
        """Start an episode, with a new goal unless it is fixed."""
        self._generator = generator
        self._goal = self._maze.goal if self._fixed else self._draw_goal()

    def act(self, observation: Array) -> Array:
        """Force (2,) towards the next waypoint, from position and velocity (4,)."""
        position, velocity = observation[:2], observation[2:]
        while not self._fixed and np.linalg.norm(position - self._goal) <= GOAL_RADIUS:
            self._goal = self._draw_goal()
        path = shortest_path(self._maze.free_cells, self._maze.cell_of(position), self._maze.cell_of(self._goal))
        waypoint = self._maze.centre(path[1]) if len(path) > 2 else self._goal
        return POSITION_GAIN * (waypoint - position) + VELOCITY_GAIN * velocity

    def _draw_goal(self) -> Array:
        cells = self._maze.free_cells
        cell = cells[self._generator.integers(len(cells))]
        return self._maze.centre(cell) + self._generator.uniform(-GOAL_NOISE, GOAL_NOISE, 2)


def shortest_path(free: list[Cell], start: Cell, goal: Cell) -> list[Cell]:
    """Cells from start to goal inclusive, by breadth-first search; the goal alone where there is no way."""
    previous: dict[Cell, Cell | None] = {goal: None}
    frontier = [goal]
    while frontier and start not in previous:
        found = []
        for i, j in frontier:
            for cell in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)):
                if cell in free and cell not in previous:
                    previous[cell] = (i, j)
                    found.append(cell)
        frontier = found
    path: list[Cell] = []
    at: Cell | None = start if start in previous else goal
    while at is not None:
        path.append(at)
        at = previous[at]
    return path


def controller_of(environment: gymnasium.Env[Array, Array], fixed: bool) -> WaypointController:
    """The waypoint controller of an environment made by id."""
    maze = environment.unwrapped
    assert isinstance(maze, PointMazeEnv)
    return WaypointController(maze, fixed)


def wander(environment: gymnasium.Env[Array, Array], generator: np.random.Generator, steps: int) -> Schedule:
    """Go between random goals, always with the same noise; the rewards are those of the fixed goal."""
    return repeat((controller_of(environment, fixed=False), NOISE))


def wander_biased(environment: gymnasium.Env[Array, Array], generator: np.random.Generator, steps: int) -> Schedule:
    """The same with a constant push away from the goal's corner."""
    biased = BiasedController(controller_of(environment, fixed=False), BIAS, action_space(environment))
    return repeat((biased, NOISE))


def mostly_random(environment: gymnasium.Env[Array, Array], generator: np.random.Generator, steps: int) -> Schedule:
    """By turns: some episodes of uniform random actions, then one as in `wander`."""
    random = (RandomController(action_space(environment)), 0.0)
    return cycle([*[random] * RANDOM_TURNS, (controller_of(environment, fixed=False), NOISE)])


SCHEDULES = {None: wander, SUBOPTIMAL: wander, ACTION_BIAS: wander_biased, MIXTURE: mostly_random}  # by `recipe_shift`
