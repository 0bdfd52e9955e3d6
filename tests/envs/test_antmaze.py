"""AntMaze against D4RL's numbers, and its walls against the maps that Gymnasium-Robotics took from there."""

import math
from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium_robotics.envs.maze.maps import LARGE_MAZE, MEDIUM_MAZE, U_MAZE

import qdot.envs  # noqa: F401 - registers ours
from qdot.envs.antmaze import AntMazeEnv

MAPS = {"umaze": U_MAZE, "medium": MEDIUM_MAZE, "large": LARGE_MAZE}
GOALS = {"umaze": (0, 8), "medium": (20, 20), "large": (32, 24)}  # metres from the start
HORIZONS = {"umaze": 700, "medium": 1000, "large": 1000}
STILL = np.zeros(8)

pytestmark = pytest.mark.filterwarnings("ignore:.*is out of date:DeprecationWarning")  # of -v0


@pytest.fixture
def made() -> Iterator[gymnasium.Env]:
    environment = gymnasium.make("qdot/antmaze-umaze-v2")
    environment.reset(seed=0)
    yield environment
    environment.close()


@pytest.fixture
def maze(made: gymnasium.Env) -> Any:
    return made.unwrapped


def make(name: str) -> Any:
    return gymnasium.make(f"qdot/antmaze-{name}", disable_env_checker=True).unwrapped


def place(maze: Any, x: float, y: float) -> None:
    """Put the ant somewhere, in its own pose, at rest."""
    positions = maze.init_qpos.copy()
    positions[:2] = x, y
    maze.set_state(positions, np.zeros(14))


@pytest.mark.parametrize("name", MAPS)
def test_walls_are_boxes_of_four_metres_on_the_maps_cells(name: str) -> None:
    model = make(f"{name}-v2").model
    boxes = [index for index in range(model.ngeom) if model.geom_type[index] == 6]
    expected = {
        (4.0 * (column - 1), 4.0 * (row - 1))
        for row, line in enumerate(MAPS[name])
        for column, kind in enumerate(line)
        if kind == 1
    }
    assert len(boxes) == len(expected)
    assert {(float(x), float(y)) for x, y, _ in model.geom_pos[boxes]} == expected
    assert np.array_equal(model.geom_size[boxes], np.tile([2.0, 2.0, 1.0], (len(boxes), 1)))
    assert (model.geom_pos[boxes, 2] == 1.0).all()
    assert (model.geom_contype[boxes] == 1).all()
    assert (model.geom_conaffinity[boxes] == 1).all()


def test_free_cells_of_the_u_are_these_seven() -> None:
    maze = make("umaze-v2")
    assert set(maze.cells(".SG")) == {(0, 0), (4, 0), (8, 0), (8, 4), (8, 8), (4, 8), (0, 8)}
    assert list(maze.cells("S")) == [(0, 0)]


@pytest.mark.parametrize("version", ["v0", "v2"])
@pytest.mark.parametrize("name", MAPS)
def test_goal_cell_horizon_widths_and_references_are_d4rls(name: str, version: str) -> None:
    maze = make(f"{name}-{version}")
    assert list(maze.cells("G")) == [GOALS[name]]
    assert gymnasium.spec(f"qdot/antmaze-{name}-{version}").max_episode_steps == HORIZONS[name]
    assert maze.reference_scores == (0, 1)
    assert (maze.observation_space.shape, maze.action_space.shape) == ((29,), (8,))
    assert (maze.action_space.low == -1).all()
    assert (maze.action_space.high == 1).all()


def test_motors_contacts_time_step_and_masses_are_d4rls(maze: Any) -> None:
    model = maze.model
    assert model.opt.timestep == 0.02
    assert maze.frame_skip == 5
    assert model.opt.integrator == 1  # RK4
    assert np.array_equal(model.actuator_gear[:, 0], np.ones(8))
    assert np.array_equal(model.actuator_ctrlrange, np.tile([-30.0, 30.0], (8, 1)))
    assert (model.geom_solref == [0.02, 1.0]).all()
    assert (model.geom_solimp[:, :3] == [0.8, 0.8, 0.01]).all()
    assert (model.geom_margin == 0.01).all()
    assert model.body_mass.sum() == pytest.approx(0.879, abs=5e-4)
    assert model.body("torso").mass[0] == pytest.approx(5 * 4 / 3 * math.pi * 0.25**3)  # density 5


def test_an_action_is_a_torque_of_up_to_thirty(made: gymnasium.Env, maze: Any) -> None:
    for size, torque in ((0.5, 15.0), (1.0, 30.0), (4.0, 30.0)):
        made.reset(seed=0)
        maze.step(np.full(8, size))
        assert (maze.data.actuator_force == torque).all()
        assert (maze.data.qfrc_actuator[6:] == torque).all()  # gear 1
    before = maze.data.time
    maze.step(STILL)
    assert maze.data.time - before == pytest.approx(0.1)


def test_observation_is_all_positions_then_all_velocities(maze: Any) -> None:
    observation = maze.step(np.full(8, 0.2))[0]
    assert np.array_equal(observation[:15], maze.data.qpos)
    assert np.array_equal(observation[15:], maze.data.qvel)
    positions, velocities = maze.state_of(observation)
    assert np.array_equal(np.concatenate([positions, velocities]), observation)


def test_starts_are_the_models_pose_with_noise(made: gymnasium.Env, maze: Any) -> None:
    starts = np.array([made.reset(seed=seed)[0] for seed in range(400)])
    pose = np.array([0, 0, 0.75, 1, 0, 0, 0, *[0] * 8])
    moved = starts[:, :15] - pose
    straight = np.delete(moved, slice(3, 7), axis=1)  # the quaternion is normalised afterwards
    assert (np.abs(straight) <= 0.1).all()
    assert (np.abs(straight).max(axis=0) > 0.095).all()
    assert (np.abs(straight.mean(axis=0)) < 4 * 0.1 / math.sqrt(3 * 400)).all()
    assert np.linalg.norm(starts[:, 3:7], axis=1) == pytest.approx(1.0, abs=1e-12)
    assert 0.04 < moved[:, 4:7].std() < 0.07  # U(-.1, .1) has .058
    speeds = starts[:, 15:]
    assert np.abs(speeds.std(axis=0) - 0.1).max() < 0.02
    assert np.abs(speeds).max() > 0.3  # normal, not uniform


@pytest.mark.parametrize("name", MAPS)
def test_goals_are_spread_over_a_metre_and_a_half_from_the_cells_centre(name: str) -> None:
    maze = make(f"{name}-v2")
    offsets = []
    maze.reset(seed=1)
    for _ in range(600):
        maze.reset()
        offsets.append(maze.goal - GOALS[name])
    found = np.array(offsets)
    assert found.min() >= 0
    assert found.max() <= 1.5
    assert found.mean(axis=0) == pytest.approx([0.75, 0.75], abs=0.06)
    assert found.var(axis=0) == pytest.approx(np.full(2, (1 + 0.25) / 12), abs=0.02)
    for limit, share in ((0.5, 0.25), (1.0, 0.75)):  # a trapezoid: it rises to .5 m and falls from 1 m
        assert (found < limit).mean(axis=0) == pytest.approx(np.full(2, share), abs=0.08)
    assert abs(np.corrcoef(found.T)[0, 1]) < 0.2


def test_v0_keeps_its_goal_and_v2_draws_one_at_each_reset() -> None:
    kept, drawn = make("umaze-v0"), make("umaze-v2")
    kept.reset(seed=7)
    drawn.reset(seed=7)
    assert np.array_equal(kept.goal, drawn.goal)
    goals: dict[str, set[tuple[float, ...]]] = {"kept": {tuple(kept.goal)}, "drawn": {tuple(drawn.goal)}}
    for _ in range(5):
        kept.reset()
        drawn.reset()
        goals["kept"].add(tuple(kept.goal))
        goals["drawn"].add(tuple(drawn.goal))
    assert (len(goals["kept"]), len(goals["drawn"])) == (1, 6)


@pytest.mark.parametrize("version", ["v0", "v2"])
def test_a_seed_decides_goal_and_start(version: str) -> None:
    once, again = make(f"umaze-{version}"), make(f"umaze-{version}")
    first = once.reset(seed=3)[0], once.goal
    once.reset(seed=4)
    assert not np.array_equal(once.goal, first[1])
    again.reset(seed=9)
    again.reset()
    assert np.array_equal(again.reset(seed=3)[0], first[0])
    assert np.array_equal(again.goal, first[1])
    fresh = make(f"umaze-{version}"), make(f"umaze-{version}")
    for maze in fresh:
        maze.reset()
    assert not np.array_equal(fresh[0].goal, fresh[1].goal)


def test_within_half_a_metre_of_the_goal_an_episode_is_won_and_over(made: gymnasium.Env, maze: Any) -> None:
    for distance, won in ((0.45, True), (0.55, False)):
        assert made.reset(seed=0)[1] == {"success": False}
        place(maze, maze.goal[0] + distance, maze.goal[1])
        _, reward, terminated, truncated, info = maze.step(STILL)
        assert (reward, terminated, truncated, info["success"]) == (float(won), won, False, won)


def test_a_fall_ends_nothing(maze: Any) -> None:
    positions = maze.init_qpos.copy()
    positions[2], positions[3:7] = 0.3, [0, 1, 0, 0]  # on its back
    maze.set_state(positions, np.zeros(14))
    for _ in range(10):
        _, reward, terminated, _, _ = maze.step(STILL)
        assert (reward, terminated) == (0.0, False)
    assert maze.data.body("torso").xmat[8] < 0  # still upside down


def test_a_wall_stops_the_ant_and_a_free_cell_does_not(maze: Any) -> None:
    ends = []
    for direction in (-1, 1):  # from the start: a wall 2 m to the left, two free cells to the right
        place(maze, 0, 0)
        maze.data.qvel[0] = 6.0 * direction
        furthest = 0.0
        for _ in range(15):
            furthest = max(furthest, direction * float(maze.step(STILL)[0][0]))
        ends.append(furthest)
    assert ends[0] < 2.0
    assert ends[1] > 2.5


def test_an_episode_is_truncated_at_its_horizon(made: gymnasium.Env) -> None:
    made.reset(seed=0)
    ends = [made.step(STILL)[2:4] for _ in range(700)]
    assert ends == [(False, False)] * 699 + [(False, True)]


def test_an_unknown_maze_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'huge' is unknown; expected one of: umaze, medium, large"):
        AntMazeEnv("huge")
