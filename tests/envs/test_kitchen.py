"""The kitchen's rules, without any recorded data. Numbers here restate D4RL's kitchen."""

import ctypes.util
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium.utils import seeding
from gymnasium.utils.env_checker import check_env
from gymnasium_robotics.envs.franka_kitchen.kitchen_env import KitchenEnv as StockKitchen

import qdot.envs  # noqa: F401 - registers ours
from qdot.envs.kitchen import KitchenEnv

# Where the tasks' joints must be (D4RL), and which joints they are.
MICROWAVE, KETTLE = (22, -0.75), (slice(23, 30), [-0.23, 0.75, 1.62, 0.99, 0.0, 0.0, -0.06])
LIGHT, CABINET = (slice(17, 19), [-0.69, -0.05]), (19, 0.37)
BURNER = (slice(11, 13), [-0.88, -0.01])
AMPLITUDES = [0.1] * 9 + [0.005] * 2 + [0.0005] * 6 + [0.005] * 3 + [0.1] * 3 + [0.005] * 3 + [0.1] * 3 + [0.005]


@pytest.fixture(scope="module")
def made() -> Iterator[gymnasium.Env]:
    environment = gymnasium.make("qdot/kitchen-complete-v0")
    yield environment
    environment.close()


@pytest.fixture
def kitchen(made: gymnasium.Env) -> KitchenEnv:
    made.reset(seed=0)
    assert isinstance(made.unwrapped, KitchenEnv)
    return made.unwrapped


def move(kitchen: KitchenEnv, *tasks: tuple[int | slice, object]) -> None:
    """Put joints where they complete tasks."""
    joints = kitchen.joints
    for where, value in tasks:
        joints[where] = value
    kitchen._robot.set_state(joints, np.zeros(29))


def test_observation_is_thirty_readings_and_the_tasks_goals(kitchen: KitchenEnv) -> None:
    observation = kitchen.step(np.zeros(9))[0]
    goal = np.zeros(30)
    for where, value in (MICROWAVE, KETTLE, LIGHT, CABINET):
        goal[where] = value
    assert observation.shape == (60,)
    assert np.array_equal(observation[30:], goal)
    assert np.abs(observation[:30] - kitchen.joints).max() <= 0.01


def test_noise_fills_a_tenth_of_d4rls_amplitudes_on_every_joint(kitchen: KitchenEnv) -> None:
    noise = np.array([kitchen.reset()[0][:30] - kitchen.joints for _ in range(400)])
    amplitude = 0.1 * np.array(AMPLITUDES)
    assert (np.abs(noise) <= amplitude * (1 + 1e-9)).all()
    assert (np.abs(noise).max(axis=0) > 0.97 * amplitude).all()
    assert (np.abs(noise.mean(axis=0)) < 0.15 * amplitude).all()


def test_a_task_is_rewarded_once_and_the_fourth_ends_the_episode(kitchen: KitchenEnv) -> None:
    still = np.zeros(9)
    move(kitchen, MICROWAVE)
    _, reward, terminated, truncated, info = kitchen.step(still)
    assert (reward, terminated, truncated) == (1.0, False, False)
    assert info["step_tasks"] == ["microwave"]
    assert not info["success"]
    _, reward, _, _, info = kitchen.step(still)
    assert (reward, info["recorded_reward"]) == (0.0, 1.0)  # files count what was done so far, in every step
    move(kitchen, MICROWAVE, CABINET, LIGHT)
    _, reward, terminated, _, info = kitchen.step(still)
    assert (reward, terminated, info["recorded_reward"]) == (2.0, False, 3.0)
    move(kitchen, KETTLE)
    _, reward, terminated, _, info = kitchen.step(still)
    assert (reward, terminated, info["success"]) == (1.0, True, True)
    assert sorted(info["completed_tasks"]) == ["kettle", "light switch", "microwave", "slide cabinet"]
    kitchen.reset()
    assert kitchen.step(still)[1] == 0.0


def test_the_noisy_distance_decides(kitchen: KitchenEnv) -> None:
    at_the_edge = (22, MICROWAVE[1] + 0.3)
    rewards = []
    for seed in range(30):
        kitchen.reset(seed=seed)
        move(kitchen, at_the_edge)
        observation, reward, *_ = kitchen.step(np.zeros(9))
        assert reward == float(abs(observation[22] - MICROWAVE[1]) < 0.3)
        rewards.append((reward, float(abs(kitchen.joints[22] - MICROWAVE[1]) < 0.3)))
    assert any(noisy != true for noisy, true in rewards)


def test_an_element_that_is_no_task_earns_nothing(kitchen: KitchenEnv) -> None:
    move(kitchen, BURNER)
    assert kitchen.step(np.zeros(9))[1] == 0.0


def test_mixed_has_the_bottom_burner_for_the_cabinet() -> None:
    environment = gymnasium.make("qdot/kitchen-mixed-v0")
    mixed = environment.unwrapped
    assert isinstance(mixed, KitchenEnv)
    environment.reset(seed=0)
    move(mixed, BURNER, CABINET)
    assert mixed.step(np.zeros(9))[1] == 1.0
    environment.close()


def test_control_starts_at_the_last_reading_and_is_clipped(kitchen: KitchenEnv) -> None:
    reading = kitchen.reset(seed=3)[0][:9]
    low, high = kitchen._bounds
    for scale in (0.5, 1.0, 7.0):  # beyond 1 an action is clipped
        kitchen.take_reading(np.concatenate([reading, np.zeros(21)]))
        kitchen.step(np.full(9, scale))
        assert np.allclose(kitchen._robot.data.ctrl, np.clip(reading + 0.16 * min(scale, 1.0), low, high), atol=1e-12)
    kitchen.take_reading(np.full(30, 100.0))
    kitchen.step(np.zeros(9))
    assert np.array_equal(kitchen._robot.data.ctrl, high)


def test_an_action_lasts_forty_steps_of_two_milliseconds(kitchen: KitchenEnv) -> None:
    before = kitchen._robot.data.time
    kitchen.step(np.zeros(9))
    assert kitchen._robot.data.time - before == pytest.approx(0.08)
    assert kitchen._robot.model.opt.timestep == 0.002


def test_every_episode_starts_at_the_same_joints_at_rest(kitchen: KitchenEnv) -> None:
    kitchen.reset(seed=5)
    start = kitchen.joints
    for _ in range(3):
        kitchen.step(np.ones(9))
    assert not np.allclose(kitchen.joints[:9], start[:9], atol=0.05)
    kitchen.reset(seed=6)
    assert np.array_equal(kitchen.joints, start)
    assert not kitchen._robot.data.qvel.any()


def test_the_seed_decides_everything(made: gymnasium.Env) -> None:
    actions = np.random.default_rng(0).uniform(-1, 1, (8, 9))

    def run(seed: int) -> np.ndarray:
        first = made.reset(seed=seed)[0]
        return np.array([first, *(made.step(action)[0] for action in actions)])

    once, again, other = run(11), run(11), run(12)
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)


def test_an_episode_is_truncated_after_280_steps(made: gymnasium.Env) -> None:
    made.reset(seed=0)
    ends = [made.step(np.zeros(9))[2:4] for _ in range(280)]
    assert ends == [(False, False)] * 279 + [(False, True)]


def by_the_stock_robot(seed: int, actions: np.ndarray) -> list[tuple[bytes, float, bool]]:
    """The same episode through Gymnasium-Robotics' own `do_simulation`."""
    tasks = ("microwave", "kettle", "light switch", "slide cabinet")
    robot = StockKitchen(tasks_to_complete=list(tasks)).robot_env
    draw, _ = seeding.np_random(seed)
    start, (low, high) = np.array(robot.init_qpos), robot.robot_pos_bound[:9].T
    robot.reset(seed=seed)
    robot.set_state(start, np.zeros(29))
    goals = dict(zip(tasks, (MICROWAVE, KETTLE, LIGHT, CABINET), strict=True))
    goal, left, lines = np.zeros(30), set(goals), []
    for where, value in goals.values():
        goal[where] = value
    reading = robot.data.qpos + 0.1 * np.array(AMPLITUDES) * draw.uniform(-1.0, 1.0, 30)
    for action in actions:
        control = np.clip(reading[:9] + 2.0 * np.clip(action, -1.0, 1.0) * 0.08, low, high)
        robot.do_simulation(control, 40)
        reading = robot.data.qpos + 0.1 * np.array(AMPLITUDES) * draw.uniform(-1.0, 1.0, 30)
        near = {task for task in left if np.linalg.norm(reading[goals[task][0]] - goals[task][1]) < 0.3}
        left -= near
        lines.append((np.concatenate([reading, goal]).tobytes(), float(len(near)), not left))
    return lines


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_an_episode_is_bitwise_the_stock_robots(made: gymnasium.Env, kind: type) -> None:
    actions = np.random.default_rng(1).uniform(-1.2, 1.2, (40, 9)).astype(kind)
    made.reset(seed=9)
    found = [(step[0].tobytes(), step[1], step[2]) for step in map(made.step, actions)]
    assert found == by_the_stock_robot(9, actions)


def test_reference_scores_are_d4rls(kitchen: KitchenEnv) -> None:
    assert kitchen.reference_scores == (0, 4)


def test_an_unknown_task_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"'toaster' is unknown; expected some of: .*kettle"):
        KitchenEnv(["kettle", "toaster"])


def test_gymnasium_finds_no_fault(kitchen: KitchenEnv) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("error", category=UserWarning)
        warnings.filterwarnings("ignore", ".*A Box observation space (min|max)imum value is")
        check_env(kitchen, skip_render_check=True)


def test_a_frame_is_an_image(require: Callable[[str, bool, str], None], tmp_path: Path) -> None:
    require("egl", ctypes.util.find_library("EGL") is not None, "no libEGL to draw with")
    code = (
        "import gymnasium, qdot.envs\n"
        "environment = gymnasium.make('qdot/kitchen-complete-v0', render_mode='rgb_array')\n"
        "environment.reset(seed=0)\n"
        "frame = environment.render()\n"
        "environment.close()\n"
        "print(frame.shape, frame.dtype, frame.std() > 10)\n"
    )
    environment = {**os.environ, "MUJOCO_GL": "egl", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=tmp_path, check=False
    )
    assert done.stdout.strip() == "(480, 480, 3) uint8 True", done.stderr
