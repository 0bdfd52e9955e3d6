"""Does an environment reproduce a recording? The kitchen's check: replay what the robot was told, look what happens."""

from collections.abc import Sequence
from dataclasses import dataclass

import gymnasium
import numpy as np
import numpy.typing as npt

from qdot.envs.kitchen import JOINTS, ROBOT_JOINTS, KitchenEnv

Array = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Replay:
    """What replaying recorded episodes came to.

    Attributes:
        tasks: Tasks that the recording completed.
        completed: Tasks that the replay completed.
        same_step: Of these, how many at the recorded step.
        joint_error: Mean absolute difference between the simulated joints of the robot and the next recorded reading,
            in radians (arm) and metres (gripper). A reading's own noise is uniform in +-0.01, so .005 is the floor.
    """

    tasks: int
    completed: int
    same_step: int
    joint_error: float


def replay_kitchen(
    environment: gymnasium.Env, observations: Array, actions: Array, rewards: Array, terminals: npt.NDArray[np.bool_]
) -> Replay:
    """Replay a D4RL kitchen recording: before each action its recorded observation is the controller's last reading.

    Args:
        environment: A kitchen of the recording's tasks.
        observations: (n, 60), as in the file.
        actions: (n, 9).
        rewards: (n,), the number of tasks that the row's own observation shows as completed so far.
        terminals: (n,), True in each episode's last row.

    Raises:
        TypeError: the environment is no kitchen of ours.
    """
    kitchen = environment.unwrapped
    if not isinstance(kitchen, KitchenEnv):
        raise TypeError(f"found {kitchen}, expected one of qdot's kitchen environments")
    ends = np.flatnonzero(terminals) + 1
    starts = np.concatenate([[0], ends[:-1]])
    tasks, replayed, errors = 0, [], []
    for start, end in zip(starts, ends, strict=True):
        found, reached = _replay_episode(kitchen, observations[start:end], actions[start:end])
        recorded = _steps_of_increments(rewards[start:end])
        tasks += len(recorded)
        replayed.append((recorded, found))
        errors.append(np.abs(reached[:-1] - observations[start + 1 : end, :ROBOT_JOINTS]))
    return Replay(
        tasks=tasks,
        completed=sum(len(found) for _, found in replayed),
        same_step=sum(a == b for recorded, found in replayed for a, b in zip(recorded, found, strict=False)),
        joint_error=float(np.concatenate(errors).mean()),
    )


def _replay_episode(kitchen: KitchenEnv, observations: Array, actions: Array) -> tuple[list[int], Array]:
    """Rows whose observation first shows a task completed, and the robot's joints (n, 9) after each action."""
    kitchen.reset(seed=0)
    rewards, joints = np.zeros(len(actions)), np.empty((len(actions), ROBOT_JOINTS))
    for step, (observation, action) in enumerate(zip(observations, actions, strict=True)):
        kitchen.take_reading(observation[:JOINTS])
        rewards[step] = kitchen.step(action)[1]
        joints[step] = kitchen.joints[:ROBOT_JOINTS]
    return [step + 1 for step in _steps_of_increments(np.cumsum(rewards))], joints


def _steps_of_increments(counts: Sequence[float] | Array) -> list[int]:
    """The step of each unit by which a cumulative count grows."""
    grown = np.diff(np.asarray(counts, float), prepend=0.0).astype(int)
    return np.repeat(np.arange(len(grown)), np.maximum(grown, 0)).tolist()
