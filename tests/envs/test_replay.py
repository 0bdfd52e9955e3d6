"""Our kitchen against what D4RL recorded."""

from pathlib import Path

import gymnasium
import h5py
import numpy as np
import pytest

import qdot.envs  # noqa: F401 - registers ours
from qdot.envs.replay import replay_kitchen

KEYS = ("observations", "actions", "rewards", "terminals")


@pytest.mark.data
def test_recorded_actions_complete_every_recorded_task(kitchen_file: Path) -> None:
    with h5py.File(kitchen_file) as file:
        recorded = [file[key][:] for key in KEYS]
    environment = gymnasium.make("qdot/kitchen-complete-v0")
    replay = replay_kitchen(environment, *recorded)
    environment.close()
    assert (replay.tasks, replay.completed) == (76, 76)
    assert replay.same_step >= 65
    assert replay.joint_error <= 0.006


def test_a_recording_of_ours_is_reproduced_to_the_noise() -> None:
    environment = gymnasium.make("qdot/kitchen-complete-v0")
    actions = np.random.default_rng(0).uniform(-1, 1, (12, 9))
    observations = [environment.reset(seed=4)[0]]
    observations += [environment.step(action)[0] for action in actions]
    ends = np.arange(12) == 11
    replay = replay_kitchen(environment, np.array(observations[:12]), actions, np.zeros(12), ends)
    assert (replay.tasks, replay.completed) == (0, 0)
    assert 0.003 < replay.joint_error < 0.007
    shifted = replay_kitchen(environment, np.array(observations[1:]), actions, np.zeros(12), ends)
    assert shifted.joint_error > 2 * replay.joint_error
    environment.close()


def test_another_environment_is_refused() -> None:
    environment = gymnasium.make("Pendulum-v1")
    with pytest.raises(TypeError, match="expected one of qdot's kitchen environments"):
        replay_kitchen(environment, np.zeros((1, 60)), np.zeros((1, 9)), np.zeros(1), np.ones(1, bool))
