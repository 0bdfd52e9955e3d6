"""The maze: what it shares with the stock environment, and what it fixes."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import gymnasium
import gymnasium_robotics  # noqa: F401 - registers the stock maze
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import qdot.envs  # noqa: F401 - registers ours
from qdot.envs.maze import PointMazeEnv


@pytest.fixture
def made() -> Iterator[gymnasium.Env]:
    environment = gymnasium.make("qdot/pointmaze-umaze")
    yield environment
    environment.close()


def unwrapped(environment: gymnasium.Env) -> PointMazeEnv:
    assert isinstance(environment.unwrapped, PointMazeEnv)
    return environment.unwrapped


def test_the_goal_is_always_the_centre_of_cell_3_1(made: gymnasium.Env) -> None:
    for seed in range(5):
        made.reset(seed=seed)
        assert np.array_equal(unwrapped(made)._stock.goal, [-1.0, -1.0])
    assert unwrapped(made).cell_of(np.array([-1.0, -1.0])) == (3, 1)


def test_starts_are_spread_over_all_other_cells(made: gymnasium.Env) -> None:
    maze = unwrapped(made)
    positions = [made.reset(seed=seed)[0][:2] for seed in range(100)]
    assert {maze.cell_of(position) for position in positions} == set(maze.free_cells) - {(3, 1)}
    offsets = np.array([position - maze.centre(maze.cell_of(position)) for position in positions])
    assert 0.2 < np.abs(offsets).max() <= 0.25


def test_motion_is_the_stock_environments(made: gymnasium.Env) -> None:
    stock = gymnasium.make("PointMaze_UMaze-v3")
    actions = np.random.default_rng(0).uniform(-1, 1, (30, 2))
    ours = [made.reset(seed=7)[0], *(made.step(action)[0] for action in actions)]
    theirs = [stock.reset(seed=7, options={"goal_cell": np.array([3, 1]), "reset_cell": None})[0]["observation"]]
    theirs += [stock.step(action)[0]["observation"] for action in actions]
    assert np.array_equal(ours, theirs)
    stock.close()
    Path(stock.unwrapped.tmp_xml_file_path).unlink()  # type: ignore[attr-defined]


def test_every_step_within_reach_of_the_goal_pays_one(made: gymnasium.Env) -> None:
    maze = unwrapped(made)
    made.reset(seed=0)
    for distance, expected in ((0.44, 1.0), (0.46, 0.0), (0.0, 1.0)):
        maze._stock.point_env.set_state(maze.goal + np.array([distance, 0.0]), np.zeros(2))
        for _ in range(2):
            _, reward, terminated, _, info = made.step(np.zeros(2))
            assert (reward, terminated, info["success"]) == (expected, False, expected == 1.0)


def test_an_episode_is_truncated_after_300_steps(made: gymnasium.Env) -> None:
    made.reset(seed=0)
    ends = [made.step(np.zeros(2))[2:4] for _ in range(300)]
    assert ends == [(False, False)] * 299 + [(False, True)]


def test_the_seed_decides_the_start(made: gymnasium.Env) -> None:
    assert np.array_equal(made.reset(seed=3)[0], made.reset(seed=3)[0])
    assert not np.array_equal(made.reset(seed=3)[0], made.reset(seed=4)[0])


def test_nothing_is_left_in_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    PointMazeEnv().close()
    assert not list(tmp_path.iterdir())


def test_gymnasium_finds_no_fault(made: gymnasium.Env) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("error", category=UserWarning)
        warnings.filterwarnings("ignore", ".*A Box observation space (min|max)imum value is")
        check_env(unwrapped(made), skip_render_check=True)
