"""Collected datasets: the same bytes every time, valid data, and controllers that do their task."""

import json
import os
import time
from collections import deque
from itertools import pairwise
from pathlib import Path

import gymnasium
import numpy as np
import pytest

import qdot.envs  # noqa: F401 - registers ours
from qdot.data import recipe_names
from qdot.data.collect import RECIPES, collect
from qdot.data.collect_halfcheetah import LinearController, RunningMoments, improve
from qdot.data.collect_maze import WaypointController, shortest_path
from qdot.data.collect_pendulum import SwingUpController
from qdot.data.collect_references import reference_returns
from qdot.data.files import content_sha256
from qdot.data.minari import ROOT_VARIABLE, read_minari
from qdot.envs.maze import PointMazeEnv
from qdot.errors import DataError, ParamsError

STEPS = {"pointmaze-umaze": 700, "halfcheetah-replay": 1500, "pendulum": 450}
EPISODES = {"pointmaze-umaze": 3, "halfcheetah-replay": 2, "pendulum": 3}  # time limits 300, 1000, 200
WIDTHS = {"pointmaze-umaze": (4, 2), "halfcheetah-replay": (17, 6), "pendulum": (3, 1)}


@pytest.mark.parametrize("recipe", RECIPES)
def test_collecting_twice_gives_the_same_bytes(recipe: str, tmp_path: Path) -> None:
    first = collect(recipe, 0, STEPS[recipe], tmp_path / "one")
    time.sleep(1.1)  # file formats keep dates in seconds
    second = collect(recipe, 0, STEPS[recipe], tmp_path / "two")
    assert content_sha256(first) == content_sha256(second)
    assert first == tmp_path / "one" / f"qdot/{recipe}-seed0-{STEPS[recipe]}-v0"
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == ["qdot"]


def test_a_relative_folder_is_as_good_as_an_absolute_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    relative = collect("pendulum", 0, STEPS["pendulum"], Path("data/raw"))
    absolute = collect("pendulum", 0, STEPS["pendulum"], tmp_path / "other")
    assert content_sha256(tmp_path / relative) == content_sha256(absolute)


def test_the_workflows_table_of_recipes_is_the_collectors() -> None:
    assert {name: module.__name__ for name, module in RECIPES.items()} == recipe_names.RECIPES


def test_another_seed_gives_another_dataset(tmp_path: Path) -> None:
    recordings = [read_minari(collect("pendulum", seed, 200, tmp_path)).recording for seed in (0, 1)]
    assert not np.array_equal(recordings[0].observations, recordings[1].observations)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_collected_dataset_is_read_back_whole(recipe: str, tmp_path: Path) -> None:
    folder = collect(recipe, 1, STEPS[recipe], tmp_path)
    found = read_minari(folder)
    recording = found.recording
    assert (recording.observations.shape[1], recording.actions.shape[1]) == WIDTHS[recipe]
    assert len(recording.rewards) == STEPS[recipe]
    assert int(recording.ends.sum()) == EPISODES[recipe]
    assert recording.ends[-1]
    assert not recording.terminals.any()
    assert (recording.actions >= found.action_low).all()
    assert (recording.actions <= found.action_high).all()
    assert np.isfinite(recording.observations).all()
    spaces = json.loads((folder / "data" / "metadata.json").read_text())
    assert "Box" in spaces["observation_space"]


def test_collecting_again_replaces_what_was_there(tmp_path: Path) -> None:
    folder = collect("pendulum", 0, 100, tmp_path)
    (folder / "data" / "left_over").touch()
    assert collect("pendulum", 0, 100, tmp_path) == folder
    assert sorted(path.name for path in (folder / "data").iterdir()) == ["main_data.hdf5", "metadata.json"]


def test_minaris_own_folder_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "users"))
    collect("pendulum", 0, 50, tmp_path / "ours")
    assert os.environ[ROOT_VARIABLE] == str(tmp_path / "users")
    assert not (tmp_path / "users").exists()


def test_rewards_of_the_maze_are_those_of_its_fixed_goal(tmp_path: Path) -> None:
    recording = read_minari(collect("pointmaze-umaze", 0, 3000, tmp_path)).recording
    near = np.linalg.norm(recording.next_observations[:, :2] - [-1.0, -1.0], axis=1) <= 0.45
    assert np.array_equal(near, recording.rewards == 1.0)
    assert 0.01 < near.mean() < 0.5


@pytest.mark.parametrize(
    ("recipe", "seed", "steps", "message"),
    [
        ("hopper", 0, 100, r"'hopper': no such recipe; expected one of: pointmaze-umaze, halfcheetah-replay, pendulum"),
        ("pendulum", 0, 0, "found 0 steps"),
        ("pendulum", -1, 10, "seed -1"),
    ],
)
def test_a_wrong_request_is_refused(recipe: str, seed: int, steps: int, message: str, tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match=message):
        collect(recipe, seed, steps, tmp_path)


def test_an_unwritable_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="file/qdot/pendulum-seed0-10-v0: cannot be written"):
        collect("pendulum", 0, 10, tmp_path / "file")


def hops(free: set[tuple[int, int]], start: tuple[int, int], goal: tuple[int, int]) -> int:
    """Steps between cells, by relaxing distances until nothing changes."""
    distance = {start: 0}
    waiting = deque([start])
    while waiting:
        i, j = waiting.popleft()
        for cell in {(i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1)} & free:
            if distance.get(cell, 1000) > distance[i, j] + 1:
                distance[cell] = distance[i, j] + 1
                waiting.append(cell)
    return distance[goal]


def test_paths_are_shortest_and_connected() -> None:
    draw = np.random.default_rng(0)
    for _ in range(30):
        free = {(i, j) for i in range(7) for j in range(7) if draw.random() < 0.8}
        start = min(free)
        path = shortest_path(sorted(free), start, start)
        assert path == [start]
        for goal in sorted(free)[::5]:
            path = shortest_path(sorted(free), start, goal)
            if path == [goal] and goal != start:
                with pytest.raises(KeyError):
                    hops(free, start, goal)
                continue
            assert (path[0], path[-1], len(path)) == (start, goal, hops(free, start, goal) + 1)
            assert all(abs(a - c) + abs(b - d) == 1 for (a, b), (c, d) in pairwise(path))
            assert set(path) <= free


def test_the_waypoint_controller_reaches_the_goal_from_the_other_end() -> None:
    environment = gymnasium.make("qdot/pointmaze-umaze")
    maze = environment.unwrapped
    assert isinstance(maze, PointMazeEnv)
    controller = WaypointController(maze, fixed=True)
    observation, _ = environment.reset(seed=0, options={"reset_cell": np.array([1, 1])})
    assert maze.cell_of(observation[:2]) == (1, 1)
    controller.begin(np.random.default_rng(0))
    rewards = []
    for _ in range(300):
        observation, reward, *_ = environment.step(np.clip(controller.act(observation), -1, 1))
        rewards.append(reward)
    assert sum(rewards) > 150
    assert all(rewards[-100:])
    environment.close()


def test_the_pendulum_ends_upright_from_anywhere() -> None:
    environment = gymnasium.make("Pendulum-v1")
    controller = SwingUpController()
    for seed in range(10):
        observation, _ = environment.reset(seed=seed)
        for _ in range(200):
            observation, *_ = environment.step(np.clip(controller.act(observation), -2, 2))
        assert observation[0] > 0.99


@pytest.mark.filterwarnings("ignore:.*out of date")
def test_random_search_learns_to_run() -> None:
    environment = gymnasium.make("HalfCheetah-v4", max_episode_steps=100)
    policies = improve(environment, np.random.default_rng(0), iterations=12, checkpoints=3)
    assert len(policies) == 3

    def mean_return(policy: LinearController) -> float:
        total = 0.0
        for seed in range(5):
            observation, _ = environment.reset(seed=seed)
            for _ in range(100):
                observation, reward, *_ = environment.step(np.clip(policy.act(observation), -1, 1))
                total += float(reward)
        return total / 5

    still = LinearController(np.zeros((6, 17)), np.zeros(17), np.ones(17))
    assert mean_return(policies[-1]) > mean_return(still) + 20
    environment.close()


def test_running_moments_are_those_of_all_observations() -> None:
    draw = np.random.default_rng(0)
    batches = [draw.normal(3.0, 2.0, (size, 4)) for size in (1, 50, 7)]
    moments = RunningMoments(np.zeros(4), np.zeros(4))
    assert np.array_equal(moments.deviation, np.ones(4))
    for batch in batches:
        moments.add(batch)
    together = np.concatenate(batches)
    assert np.allclose(moments.mean, together.mean(axis=0))
    assert np.allclose(moments.deviation, together.std(axis=0, ddof=1))


@pytest.mark.parametrize(("recipe", "episodes"), [("pointmaze-umaze", 20), ("pendulum", 20)])
def test_the_controller_earns_far_more_than_random(recipe: str, episodes: int) -> None:
    found = reference_returns(recipe, episodes)
    again = reference_returns(recipe, 3)
    assert np.array_equal(found.expert[:3], again.expert)
    assert np.array_equal(found.random[:3], again.random)
    assert found.expert.min() > found.random.mean()


def test_halfcheetah_has_d4rls_references() -> None:
    with pytest.raises(ParamsError, match="no references to measure"):
        reference_returns("halfcheetah-replay", 1)
