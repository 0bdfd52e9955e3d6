"""A loaded policy as something to call: spaces, shapes, refusals; the numbers are those of `act`."""

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from tiny_cells import random_dataset, trained

import qdot
from qdot.policies import LoadedPolicy


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> LoadedPolicy:
    path = tmp_path_factory.mktemp("policy") / "policy.safetensors"
    path.write_bytes(trained("qdot", random_dataset(3, 2)))
    return qdot.load_policy(path)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_call_gives_the_bits_of_act(policy: LoadedPolicy, kind: type[np.floating[Any]]) -> None:
    observations = np.random.default_rng(0).standard_normal((5, 3)).astype(kind)
    assert np.array_equal(policy(observations), policy.act(observations, "map"))
    single = policy(observations[1])
    assert single.shape == (2,)
    assert np.array_equal(single, policy.act(observations[1][None], "map")[0])
    assert np.array_equal(policy(observations[1].tolist()), single)
    assert policy(observations[:0]).shape == (0, 2)


def test_the_spaces_hold_what_goes_in_and_comes_out(policy: LoadedPolicy) -> None:
    """The dataset's bounds are [-3, 1] and [-1, 5]."""
    assert policy.action_space == gymnasium.spaces.Box(np.array([-3, -1]), np.array([1, 5]), dtype=np.float32)
    assert policy.observation_space.shape == (3,)
    for observation in (np.full(3, 1e6), np.zeros(3, np.float32), policy.observation_space.sample()):
        assert policy.observation_space.contains(observation)
        assert policy.action_space.contains(policy(observation))


def test_a_policy_plays_an_environment(tmp_path: Path) -> None:
    path = tmp_path / "policy.safetensors"
    path.write_bytes(trained("bc", random_dataset(3, 1)))
    policy, env = qdot.load_policy(path), gymnasium.make("Pendulum-v1")
    observation, _ = env.reset(seed=0)
    for _ in range(3):
        observation, *_ = env.step(policy(observation))
    assert policy.observation_space.shape == env.observation_space.shape


@pytest.mark.parametrize(
    ("observation", "found"),
    [
        (np.zeros(4), r"found shape \(4,\), expected finite numbers of shape \(3,\), or \(n, 3\) for a batch"),
        (np.zeros((3, 1)), r"found shape \(3, 1\)"),
        (np.zeros((1, 1, 3)), r"found shape \(1, 1, 3\)"),
        (0.5, r"found shape \(\)"),
        ([0.0, float("nan"), 0.0], r"found nan at \[1\]"),
        (np.array([[0, 0, 0], [0, 0, -np.inf]]), r"found -inf at \[1, 2\]"),
        ([0.0, 1e39, 0.0], r"found inf at \[1\]"),
        ({"observation": np.zeros(3)}, "found dict"),
        ([[0.0], [0.0, 1.0]], "found list"),
    ],
)
def test_what_is_no_observation_is_refused(policy: LoadedPolicy, observation: Any, found: str) -> None:
    with pytest.raises(ValueError, match=f"observation: {found}"):
        policy(observation)
