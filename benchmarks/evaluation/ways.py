"""Ways to simulate the same episodes; each returns the CPU seconds of all its steps."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium
import mujoco
import numpy as np
import numpy.typing as npt

from qdot import params
from qdot.algorithms import registry
from qdot.envs.lanes import Lanes
from qdot.evaluation import rollout
from qdot.evaluation.rollout import BLOCK, episode_seed, run_block
from qdot.training.checkpoint import Policy, describe
from qdot.training.streams import init_generators

TOP = Path(__file__).resolve().parents[2]
SCALE = 0.3  # of the actions' range
Array = npt.NDArray[Any]
SEEDS = [episode_seed("benchmark", "final", 0, 0, episode) for episode in range(BLOCK)]


class Replay:
    """Acts as written down, whatever it sees; a network may be asked first, for its cost."""

    def __init__(self, actions: Array, network: Policy | None = None) -> None:
        """Take actions (steps, block, act)."""
        self._actions, self._network, self._step = actions, network, 0

    def act(self, observations: Array, readout: str | None = None, generators: Any = None) -> Array:
        """The next actions."""
        if self._network:
            self._network.act(observations, readout, generators)
        self._step += 1
        return self._actions[self._step - 1]

    def value(self, observations: Array, actions: Array) -> None:
        """None."""


def network(algorithm: str, environment: gymnasium.Env[Any, Any]) -> Policy:
    """An untrained policy of the paper suite's values and widths, for an environment."""
    values = params.resolve(params.load(TOP), "paper", "hopper-medium-v2", algorithm).values
    kind = registry.get(algorithm)
    sizes = environment.observation_space.shape[0], environment.action_space.shape[0]
    model = kind(kind.Config.from_values(values["train"], values["algorithm_values"]), *sizes, init_generators([0]))
    units = {"observation_mean": [0] * sizes[0], "observation_scale": [1] * sizes[0]}
    units |= {"action_low": [-1] * sizes[1], "action_high": [1] * sizes[1]}
    return Policy(model.eval(), describe(model, 0, 0, units))


def simulator(environment: gymnasium.Env[Any, Any]) -> Any:
    """What holds `model`, `data` and `frame_skip`."""
    return getattr(environment.unwrapped, "_robot", environment.unwrapped)


def draw_actions(environments: Sequence[gymnasium.Env[Any, Any]], steps: int) -> Array:
    """Random actions (steps, environments, act), float32 as policies give them."""
    space, count = environments[0].action_space, len(environments)
    draw = np.random.default_rng(0)
    return draw.uniform(SCALE * space.low, SCALE * space.high, (steps, count, *space.shape)).astype(np.float32)


def _reset(environments: Sequence[Any]) -> None:
    for environment, seed in zip(environments, SEEDS, strict=False):
        environment.reset(seed=int(seed.generate_state(1)[0]))


def plain(environments: Sequence[Any], actions: Array) -> float:
    """Gymnasium's `step`, episode after episode."""
    _reset(environments)
    start = time.process_time()
    for lane, environment in enumerate(environments):
        for action in actions[:, lane]:
            environment.step(action)
    return time.process_time() - start


def commands(environments: Sequence[Any], actions: Array) -> tuple[Array, Array]:
    """What the motors get, (steps, block, nu), and where positions end, (block, nq)."""
    _reset(environments)
    found = []
    for row in actions:
        for environment, action in zip(environments, row, strict=True):
            environment.step(action)
        found.append([simulator(environment).data.ctrl.copy() for environment in environments])
    return np.array(found), np.array([simulator(environment).data.qpos for environment in environments])


def bare(environments: Sequence[Any], motors: Array, end: Array) -> float:
    """`mj_step` on the same motor commands from the same starts, episode after episode, and nothing else.

    Raises:
        RuntimeError: it does not end where the environments end.
    """
    _reset(environments)
    seconds = 0.0
    for lane, environment in enumerate(environments):
        robot = simulator(environment)
        model, data, frames = robot.model, robot.data, robot.frame_skip
        start = time.process_time()
        for command in motors[:, lane]:
            data.ctrl[:] = command
            mujoco.mj_step(model, data, frames)
        seconds += time.process_time() - start
        if not np.array_equal(data.qpos, end[lane]):
            raise RuntimeError(f"lane {lane}: the bare loop ended elsewhere, so it did not do the same work")
    return seconds


def block(environments: Sequence[Any], policy: Replay, readout: str = "policy", stepwise: bool = False) -> float:
    """`run_block`, resets included; `stepwise` with every environment's own `step`, as before."""
    chosen = rollout.lanes_of
    rollout.lanes_of = Lanes if stepwise else chosen
    try:
        start = time.process_time()
        episodes = run_block(environments, policy, readout, SEEDS[: len(environments)], 0.99)
        seconds = time.process_time() - start
    finally:
        rollout.lanes_of = chosen
    if len({episode.length for episode in episodes}) != 1:
        raise RuntimeError(f"episodes ended early: lengths {[episode.length for episode in episodes]}")
    return seconds
