"""What a model and an environment take on this machine: a few steps of each, measured on made-up data."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from qdot.algorithms.actor_critic import ActorCritic
from qdot.algorithms.base import Algorithm, Batch
from qdot.data.batch import Dataset, Prepared
from qdot.envs.lanes import lanes_of
from qdot.evaluation.inspection import distances, episode_rows
from qdot.evaluation.rollout import BLOCK, block_size, make_environments
from qdot.stages.train import default_device
from qdot.training.checkpoint import Policy
from qdot.training.loop import threads
from qdot.training.memory import keep_freed_memory
from qdot.training.trainer import Trainer

WARM_UP = 5
PROBE_STEPS = 20
ACTS = 10  # calls of a policy that are timed
PLAYED = 400  # steps of an environment that are, of all its copies together
OBSERVED, ACTED, ROWS = 32, 8, 4096  # sizes of the made-up data
clock = time.perf_counter  # benchmarks/estimate takes the time of the process instead


@dataclass(frozen=True)
class Cost:
    """What one kind of model takes, in seconds.

    Attributes:
        step: Per training step of all its seeds.
        critic: Of these, what its critic takes, which equal ones on the same dataset share; 0 without one.
        act: Per call of the policy on a block of episodes, by readout.
        build: Before the first step, once.
        look: Per row of the curves.
        load: Per block of episodes, to read the policy.
        measure: Per inspection of a seed after its evaluation, by readout.
        move: The same, per row of the dataset; 0 without a map.
    """

    step: float
    critic: float
    act: Mapping[str, float]
    build: float
    look: float
    load: float
    measure: Mapping[str, float]
    move: float


def probe(values: Mapping[str, Any], seeds: list[int]) -> Cost:
    """Measure one batched model."""
    keep_freed_memory()
    dataset = _made_up()
    with threads(values["train"]["threads"]):
        start = clock()
        trainer = Trainer(values["method"], values, dataset, seeds, default_device())
        build = clock() - start
        for _ in range(WARM_UP):
            trainer.advance()
        trainer.inspect(log=True)
        step = _seconds(trainer.advance, PROBE_STEPS, lambda: trainer.inspect(log=False))
        look = _seconds(partial(trainer.inspect, log=True), 1)
        critic = _critic(trainer.model, trainer.source.batch(0))
    with threads(1):
        content = trainer.policies()[seeds[0]]
        load = _seconds(partial(Policy.from_bytes, content), 1)
        policy = Policy.from_bytes(content)
        observations = np.zeros((BLOCK, OBSERVED), np.float32)
        generators = [np.random.default_rng(episode) for episode in range(BLOCK)]
        act = {name: _seconds(partial(policy.act, observations, name, generators), ACTS) for name in policy.readouts}
        measure = {name: _seconds(partial(list, distances(policy, dataset, [name])), 1) for name in act}
        prepared = Prepared({"rewards": dataset.rewards}, {})
        move = _seconds(lambda: episode_rows(policy, prepared, dataset), 1) / ROWS
    return Cost(step, critic, act, build, look, load, measure, move)


def _critic(model: Algorithm, batch: Batch) -> float:
    """Seconds per step of a model's critic; 0 where it has none that could be shared."""
    if not isinstance(model, ActorCritic):
        return 0.0
    critic = model.critic

    def step() -> None:
        critic.begin(batch, critic.aim(batch))
        critic.finish(batch)

    return _seconds(step, PROBE_STEPS, lambda: critic.optimisers["q"].weights.flat.sum().item())


def _seconds(work: Callable[[], object], times: int, finish: Callable[[], object] = lambda: None) -> float:
    """Seconds per call."""
    started = clock()
    for _ in range(times):
        work()
    finish()
    return (clock() - started) / times


def environment_step(environment: str) -> float:
    """Seconds per step of one episode under random actions, in a block as evaluation plays it."""
    made = make_environments(environment, block_size(environment))
    lanes, space = lanes_of(made), made[0].action_space
    space.seed(0)
    seconds, played = 0.0, 0
    while played < PLAYED:
        observations, running = np.stack(lanes.reset(range(len(made)))), np.arange(len(made))
        while running.size and played < PLAYED:
            actions = np.stack([space.sample() for _ in made])
            started = clock()
            over = lanes.step(running, actions, observations).over
            seconds += clock() - started
            played += len(running)
            running = running[~over]
    for each in made:
        each.close()
    return seconds / played


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
        episode_starts=np.arange(0, ROWS, ROWS // 64),
        observation_mean=np.zeros(OBSERVED, np.float32),
        observation_scale=np.ones(OBSERVED, np.float32),
    )
