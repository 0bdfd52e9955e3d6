"""How long a study will take, from a few measured steps of each kind of model and of each environment."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from qdot.algorithms.actor_critic import CRITIC_VALUES, ActorCritic
from qdot.algorithms.base import Algorithm, Batch
from qdot.data.batch import Dataset
from qdot.envs.registry import find_spec, is_available
from qdot.evaluation.rollout import BLOCK, blocks, make_environments
from qdot.provenance import digest
from qdot.training.checkpoint import Policy
from qdot.training.loop import threads
from qdot.training.memory import keep_freed_memory
from qdot.training.trainer import Trainer

WARM_UP = 5
PROBE_STEPS = 20
ACTS = 10  # calls of a policy that are timed
PLAYED = 200  # steps of an environment that are
OBSERVED, ACTED, ROWS = 32, 8, 4096  # sizes of the made-up data
Job = Mapping[str, Any]


@dataclass(frozen=True)
class Cost:
    """What one kind of model takes.

    Attributes:
        step: Seconds per training step of all its seeds.
        critic: Of these, what its critic takes, which equal ones on the same dataset share; 0 without one.
        act: Seconds per call of the policy on a block of episodes, by readout.
    """

    step: float
    critic: float
    act: Mapping[str, float]


class Estimate:
    """Costs by kind of model and by environment, each measured once.

    Attributes:
        training: Core-seconds of the training jobs that were added.
        evaluation: Core-seconds of the evaluations, those during training included.
    """

    def __init__(self) -> None:
        """Start with nothing to do."""
        self.training = self.evaluation = 0.0
        self._costs: dict[str, Cost] = {}
        self._critics: set[str] = set()
        self._steps: dict[str, float] = {}

    def add(self, job: Job) -> None:
        """Add the seeds of a train or evaluate job."""
        values, seeds = job["params"], job["seeds"]
        if not seeds:
            return
        train = values["train"]
        if job["stage"] == "train":
            self.training += train["steps"] * self._step(values, seeds)
            if train["evaluate_every"]:
                times = math.ceil(train["steps"] / train["evaluate_every"])
                self._play(values, seeds, [values["primary_readout"]], times, train["evaluate_episodes"])
        else:
            self._play(values, seeds, values["readouts"], 1, values["evaluate"]["episodes"])

    def _step(self, values: Mapping[str, Any], seeds: list[int]) -> float:
        """Seconds per step, without those of a critic that another algorithm of the dataset pays for."""
        cost = self._cost(values, seeds)
        every = {**values["train"], **values["algorithm_values"]}
        critic = digest(values["dataset"], seeds, [every.get(name) for name in CRITIC_VALUES])
        shared = cost.critic if critic in self._critics else 0.0
        self._critics.add(critic)
        return cost.step - shared

    def _play(
        self, values: Mapping[str, Any], seeds: list[int], readouts: list[str], times: int, episodes: int
    ) -> None:
        """Add evaluations of so many whole episodes, for each readout and seed."""
        environment = values["data"].get("environment")
        if not environment or not is_available(environment)[0]:
            return
        if environment not in self._steps:
            self._steps[environment] = environment_step(environment)
        act = self._cost(values, seeds).act
        horizon = find_spec(environment).max_episode_steps or 0
        calls, steps = len(blocks(environment, episodes)) * horizon, episodes * horizon
        for readout in readouts:
            once = calls * act[readout] + steps * self._steps[environment]
            self.evaluation += len(seeds) * times * once

    def _cost(self, values: Mapping[str, Any], seeds: list[int]) -> Cost:
        key = digest(values["method"], len(seeds), *(_shape(values[part]) for part in ("train", "algorithm_values")))
        if key not in self._costs:
            self._costs[key] = probe(values, seeds)
        return self._costs[key]


def _shape(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that a model's speed may depend on: all but numbers with a point."""
    return {key: value for key, value in values.items() if not isinstance(value, float) and key != "steps"}


def probe(values: Mapping[str, Any], seeds: list[int]) -> Cost:
    """Measure one batched model on made-up data."""
    keep_freed_memory()
    with threads(values["train"]["threads"]):
        device = "cuda" if torch.cuda.is_available() else "cpu"
        trainer = Trainer(values["method"], values, _made_up(), seeds, device)
        for _ in range(WARM_UP):
            trainer.advance()
        trainer.inspect(log=True)
        step = _seconds(trainer.advance, PROBE_STEPS, lambda: trainer.inspect(log=True))
        critic = _critic(trainer.model, trainer.source.batch(0))
    with threads(1):
        policy = Policy.from_bytes(trainer.policies()[seeds[0]])
        observations = np.zeros((BLOCK, OBSERVED), np.float32)
        generators = [np.random.default_rng(episode) for episode in range(BLOCK)]
        act = {name: _seconds(partial(policy.act, observations, name, generators), ACTS) for name in policy.readouts}
    return Cost(step, critic, act)


def _critic(model: Algorithm, batch: Batch) -> float:
    """Seconds per step of a model's critic; 0 where it has none that could be shared."""
    if not isinstance(model, ActorCritic):
        return 0.0
    critic = model.critic

    def step() -> None:
        critic.begin(batch)
        critic.finish(batch)

    return _seconds(step, PROBE_STEPS, lambda: critic.optimisers["q"].flat.sum().item())


def _seconds(work: Callable[[], object], times: int, finish: Callable[[], object] = lambda: None) -> float:
    """Seconds per call."""
    started = time.perf_counter()
    for _ in range(times):
        work()
    finish()
    return (time.perf_counter() - started) / times


def environment_step(environment: str) -> float:
    """Seconds per step of an environment under random actions."""
    (made,) = make_environments(environment, 1)
    made.action_space.seed(0)
    made.reset(seed=0)

    def step() -> None:
        _, _, terminated, truncated, _ = made.step(made.action_space.sample())
        if terminated or truncated:
            made.reset()

    try:
        return _seconds(step, PLAYED)
    finally:
        made.close()


def _made_up() -> Dataset:
    random = np.random.default_rng(0)
    return Dataset(
        observations=random.standard_normal((ROWS, OBSERVED), dtype=np.float32),
        actions=random.uniform(-1, 1, (ROWS, ACTED)).astype(np.float32),
        rewards=np.zeros(ROWS, np.float32),
        recorded_rewards=np.zeros(ROWS, np.float32),
        next_observations=random.standard_normal((ROWS, OBSERVED), dtype=np.float32),
        terminals=np.zeros(ROWS, np.float32),
        observation_dim=OBSERVED,
        action_dim=ACTED,
        action_low=-np.ones(ACTED, np.float32),
        action_high=np.ones(ACTED, np.float32),
        size=ROWS,
        episode_starts=np.zeros(1, np.int64),
        observation_mean=np.zeros(OBSERVED, np.float32),
        observation_scale=np.ones(OBSERVED, np.float32),
    )
