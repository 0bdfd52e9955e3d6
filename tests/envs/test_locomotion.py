"""Locomotion: the stock -v4 environments but for masses, clipping and the Ant's missing contact forces."""

from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest

import qdot.envs  # noqa: F401 - registers ours

PAIRS = {
    "qdot/hopper-v2": "Hopper-v4",
    "qdot/halfcheetah-v2": "HalfCheetah-v4",
    "qdot/walker2d-v2": "Walker2d-v4",
    "qdot/ant-v2": "Ant-v4",
}
WIDTHS = {"qdot/hopper-v2": 11, "qdot/halfcheetah-v2": 17, "qdot/walker2d-v2": 17, "qdot/ant-v2": 111}
REFERENCES = {
    "qdot/hopper-v2": (-20.272305, 3234.3),
    "qdot/halfcheetah-v2": (-280.178953, 12135.0),
    "qdot/walker2d-v2": (1.629008, 4592.3),
    "qdot/ant-v2": (-325.6, 3879.7),
}


@pytest.fixture(params=sorted(PAIRS))
def made(request: pytest.FixtureRequest) -> Iterator[gymnasium.Env]:
    environment = gymnasium.make(request.param)
    yield environment
    environment.close()


@pytest.fixture
def name(made: gymnasium.Env) -> str:
    assert made.spec is not None
    return made.spec.id


@pytest.fixture
def stock(name: str) -> Iterator[Any]:
    with pytest.warns(DeprecationWarning, match="out of date"):
        environment = gymnasium.make(PAIRS[name])
    yield environment
    environment.close()


def inner(environment: gymnasium.Env) -> Any:
    return environment.unwrapped


def test_reference_scores_and_widths_are_d4rls(made: gymnasium.Env, name: str) -> None:
    assert inner(made).reference_scores == REFERENCES[name]
    assert made.observation_space.shape == (WIDTHS[name],)
    assert made.reset(seed=0)[0].shape == (WIDTHS[name],)


def test_with_the_stock_masses_it_is_the_stock_environment(made: gymnasium.Env, stock: gymnasium.Env) -> None:
    """Starts, observations, rewards and ends then agree to rounding, so nothing else differs in the model."""
    ours, theirs = inner(made), inner(stock)
    for key in ("body_mass", "body_inertia", "body_ipos", "body_iquat", "body_subtreemass", "body_invweight0"):
        getattr(ours.model, key)[:] = getattr(theirs.model, key)
    for key in ("dof_M0", "dof_invweight0"):
        getattr(ours.model, key)[:] = getattr(theirs.model, key)
    ours.model.body_sameframe[:], ours.model.geom_sameframe[:] = (
        theirs.model.body_sameframe,
        theirs.model.geom_sameframe,
    )
    ours.model.body_simple[:], ours.model.dof_simplenum[:] = theirs.model.body_simple, theirs.model.dof_simplenum
    ours.model.stat.meaninertia = theirs.model.stat.meaninertia
    made.reset(seed=3)
    stock.reset(seed=3)
    theirs.set_state(ours.data.qpos.copy(), ours.data.qvel.copy())
    width = theirs.observation_space.shape[0]
    for action in np.random.default_rng(1).uniform(-1, 1, (20, *made.action_space.shape)):
        observation, reward, terminated, _, _ = ours.step(action)
        expected, expected_reward, expected_end, _, _ = theirs.step(action)
        assert observation[:width] == pytest.approx(expected, abs=1e-6)
        assert (reward, terminated) == (pytest.approx(expected_reward, abs=1e-6), expected_end)


def test_the_lighter_capsules_move_otherwise(made: gymnasium.Env, stock: gymnasium.Env) -> None:
    action = np.full(made.action_space.shape, 0.5)
    made.reset(seed=0)
    stock.reset(seed=0)
    inner(stock).set_state(inner(made).data.qpos.copy(), inner(made).data.qvel.copy())
    found, expected = made.step(action)[0], stock.step(action)[0]
    assert np.abs(found[: len(expected)] - expected).max() > 1e-3


def test_an_action_beyond_the_bounds_is_one_at_the_bounds(made: gymnasium.Env) -> None:
    signs = np.resize([1.0, -1.0], made.action_space.shape)
    found = []
    for size in (1.0, 1.7, 30.0):
        made.reset(seed=5)
        observation, reward, *_ = inner(made).step(size * signs)
        found.append((*observation, reward))
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])


def test_a_state_is_recovered_from_an_observation(made: gymnasium.Env) -> None:
    environment = inner(made)
    made.reset(seed=2)
    observation = environment.step(np.full(made.action_space.shape, 0.3))[0]
    positions, velocities = environment.state_of(observation)
    assert not positions[: environment.hidden].any()
    assert np.array_equal(positions[environment.hidden :], environment.data.qpos[environment.hidden :])
    assert np.array_equal(velocities, environment.data.qvel)
    with pytest.raises(ValueError, match=r"found shape \(3,\), expected"):
        environment.state_of(np.zeros(3))


def test_an_episode_is_truncated_after_1000_steps() -> None:
    environment = gymnasium.make("qdot/halfcheetah-v2")
    environment.reset(seed=0)
    ends = [environment.step(np.zeros(6))[2:4] for _ in range(1000)]
    environment.close()
    assert ends == [(False, False)] * 999 + [(False, True)]


@pytest.mark.parametrize(
    ("name", "healthy", "ill"),
    [
        ("qdot/hopper-v2", {2: 0.19}, {2: 0.21}),
        ("qdot/hopper-v2", {1: 0.75}, {1: 0.65}),
        ("qdot/walker2d-v2", {2: 0.95}, {2: 1.05}),
        ("qdot/walker2d-v2", {1: 0.85}, {1: 0.75}),
        ("qdot/ant-v2", {2: 0.9}, {2: 1.1}),
    ],
)
def test_a_robot_ends_its_episode_where_d4rl_calls_it_fallen(
    name: str, healthy: dict[int, float], ill: dict[int, float]
) -> None:
    """Height (qpos 1, the Ant's 2) and pitch (qpos 2), one joint changed at a time and looked at after one step."""
    environment = gymnasium.make(name)
    environment.reset(seed=0)
    robot = inner(environment)
    ends = []
    for changes in (healthy, ill):
        positions = robot.init_qpos.copy()
        for index, value in changes.items():
            positions[index] = value
        robot.set_state(positions, np.zeros(robot.model.nv))
        ends.append(robot.step(np.zeros(robot.model.nu))[2])
    environment.close()
    assert ends == [False, True]


def test_the_ant_observes_no_contact_and_pays_for_none() -> None:
    environment = gymnasium.make("qdot/ant-v2")
    environment.reset(seed=0)
    ant = inner(environment)
    touched = 0
    for _ in range(15):
        before = float(ant.data.body("torso").xpos[0])
        observation, reward, terminated, _, _ = environment.step(np.full(8, 0.5))
        touched += int(np.abs(ant.data.cfrc_ext).sum() > 0)
        assert not observation[27:].any()
        speed = (float(ant.data.body("torso").xpos[0]) - before) / 0.05
        assert reward == pytest.approx(speed + 1.0 - 0.5 * 8 * 0.25, abs=1e-9)
        assert not terminated
    environment.close()
    assert touched > 0


def test_the_ants_first_quaternion_is_normal() -> None:
    environment = gymnasium.make("qdot/ant-v2")
    for seed in range(5):
        assert np.linalg.norm(environment.reset(seed=seed)[0][1:5]) == pytest.approx(1.0, abs=1e-12)
    environment.close()
