"""Copies stepped together give what Gymnasium's own `step` gives one by one, bit for bit."""

from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.mujoco.hopper_v4 import HopperEnv

import qdot.envs  # noqa: F401 - registers ours
from qdot.envs.lanes import Lanes, SimulatorLanes, lanes_of

HORIZON = 60
FALLING = {"Hopper-v4", "Walker2d-v4", "qdot/hopper-v2", "qdot/walker2d-v2"}
pytestmark = pytest.mark.filterwarnings("ignore:.*is out of date:DeprecationWarning")
Trace = dict[int, list[tuple[bytes, float, bool, Any]]]


def copies(name: str, count: int, **values: Any) -> list[gymnasium.Env]:
    return [gymnasium.make(name, max_episode_steps=HORIZON, **values) for _ in range(count)]


def actions(environment: gymnasium.Env, count: int) -> np.ndarray:
    """Beyond the bounds too."""
    assert environment.action_space.shape is not None
    return np.random.default_rng(3).uniform(-1.3, 1.3, (HORIZON, count, *environment.action_space.shape)).astype("f4")


def bring_goals_near(environments: list[gymnasium.Env]) -> None:
    """A maze's goals come to the edge of where the ant starts; other environments have none."""
    for lane, environment in enumerate(environments):
        if hasattr(environment.unwrapped, "goal"):
            environment.unwrapped.goal = np.array([0.45 + 0.05 * lane, 0.0])


def one_by_one(environments: list[gymnasium.Env]) -> Trace:
    """Each environment's episode by its own `step`."""
    trace: Trace = {}
    chosen = actions(environments[0], len(environments))
    for lane, environment in enumerate(environments):
        environment.reset(seed=lane)
    bring_goals_near(environments)
    for lane, environment in enumerate(environments):
        trace[lane] = []
        for action in chosen[:, lane]:
            observation, reward, terminated, truncated, info = environment.step(action)
            over = bool(terminated or truncated)
            trace[lane].append((observation.tobytes(), float(reward), over, info.get("success")))
            if over:
                break
    return trace


def together(environments: list[gymnasium.Env]) -> Trace:
    lanes = lanes_of(environments)
    assert isinstance(lanes, SimulatorLanes)
    observations = np.stack(lanes.reset(range(len(environments))))
    bring_goals_near(environments)
    trace: Trace = {lane: [] for lane in range(len(environments))}
    running = np.arange(len(environments))
    for chosen in actions(environments[0], len(environments)):
        rewards, over, success, recorded = lanes.step(running, chosen, observations)
        assert np.array_equal(recorded, rewards)
        for row, lane in enumerate(running.tolist()):
            line = observations[lane].tobytes(), float(rewards[row]), bool(over[row]), success.get(lane)
            trace[lane].append(line)
        running = running[~over]
        if not running.size:
            return trace
    return trace


@pytest.mark.parametrize("count", [1, 2, 10])
@pytest.mark.parametrize("name", [*sorted(FALLING), "HalfCheetah-v4", "qdot/halfcheetah-v2", "qdot/antmaze-umaze-v2"])
def test_copies_together_are_bitwise_what_they_are_one_by_one(name: str, count: int) -> None:
    environments = copies(name, count)
    expected, found = one_by_one(environments), together(environments)
    assert found == expected
    lengths = {len(lines) for lines in expected.values()}
    if count == 10 and (name in FALLING or "antmaze" in name):
        assert len(lengths) > 2  # lanes left at different times
    if "antmaze" in name:
        assert expected[0][-1][1:] == (1.0, True, True)
    if name not in FALLING and "antmaze" not in name:
        assert lengths == {HORIZON}


@pytest.mark.parametrize("name", ["Hopper-v4", "Walker2d-v4"])
def test_an_environments_own_settings_hold(name: str) -> None:
    settings = {
        "terminate_when_unhealthy": False,
        "healthy_reward": 0.7,
        "forward_reward_weight": 1.3,
        "ctrl_cost_weight": 0.2,
        "healthy_z_range": (0.9, 1.3),
        "exclude_current_positions_from_observation": False,
    }
    environments = copies(name, 3, **settings)
    expected = one_by_one(environments)
    assert together(environments) == expected
    assert {len(lines) for lines in expected.values()} == {HORIZON}


def test_a_second_episode_is_the_first_of_its_seed() -> None:
    environments = copies("Hopper-v4", 4)
    assert together(environments) == together(environments)


@pytest.fixture
def subclass() -> Iterator[str]:
    class Generous(HopperEnv):
        def step(self, action: Any) -> Any:
            observation, _, terminated, truncated, info = super().step(action)
            return observation, 5.0, terminated, truncated, info

    gymnasium.register("Generous-v0", Generous, max_episode_steps=HORIZON)
    yield "Generous-v0"
    gymnasium.registry.pop("Generous-v0")


def test_what_is_not_exactly_a_known_environment_is_stepped_by_its_own_step(subclass: str) -> None:
    wrapped = [gymnasium.wrappers.ClipAction(environment) for environment in copies("Hopper-v4", 2)]
    unlike = [*copies("Hopper-v4", 1), *copies("Hopper-v4", 1, healthy_reward=2.0)]
    for environments in (wrapped, unlike, copies(subclass, 2), copies("Pendulum-v1", 2)):
        assert type(lanes_of(environments)) is Lanes
    lanes = lanes_of(copies(subclass, 2))
    observations = np.stack(lanes.reset([0, 1]))
    rewards, over, success, recorded = lanes.step(np.arange(2), np.zeros((2, 3), "f4"), observations)
    assert (rewards.tolist(), over.tolist(), success) == ([5.0, 5.0], [False, False], {})
    assert recorded.tolist() == rewards.tolist()


def test_actions_of_another_width_are_refused() -> None:
    lanes = lanes_of(copies("Hopper-v4", 2))
    observations = np.stack(lanes.reset([0, 1]))
    with pytest.raises(ValueError, match=r"actions: found shape \(2, 1\), expected \(lanes, 3\)"):
        lanes.step(np.arange(2), np.zeros((2, 1)), observations)
