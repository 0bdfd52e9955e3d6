"""Rollouts: the same numbers whatever runs beside them."""

from collections.abc import Sequence
from dataclasses import astuple
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
import pytest

from qdot.errors import ParamsError
from qdot.evaluation.rollout import BLOCK, Episode, blocks, episode_seed, make_environments, run_block

DISCOUNT = 0.9


class Counter(gymnasium.Env[npt.NDArray[np.float64], npt.NDArray[np.float64]]):
    """Starts at a random number of steps to go and counts down; the reward is the action."""

    observation_space = gymnasium.spaces.Box(0.0, 100.0, (1,), np.float64)
    action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float64)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        self.left = int(self.np_random.integers(2, 30))
        return np.array([float(self.left)]), {}

    def step(self, action: Any) -> Any:
        self.left -= 1
        return np.array([float(self.left)]), float(action[0]), self.left == 0, False, {"success": self.left == 1}


class Sampler:
    """Acts with its rows' own noise, and remembers the shapes it was asked for."""

    def __init__(self) -> None:
        self.shapes: set[tuple[int, ...]] = set()

    def act(
        self,
        observations: npt.NDArray[Any],
        readout: str | None = None,
        generators: Sequence[np.random.Generator] | None = None,
    ) -> npt.NDArray[np.float32]:
        self.shapes.add(observations.shape)
        assert generators is not None
        noise = np.array([generator.uniform(-0.1, 0.1) for generator in generators])
        return (observations[:, :1] / 100 + noise[:, None]).astype(np.float32)

    def value(self, observations: npt.NDArray[Any], actions: npt.NDArray[np.float32]) -> npt.NDArray[np.float32] | None:
        return (observations[:, 0] + 1000 * actions[:, 0]).astype(np.float32)


def seeds(*episodes: int) -> list[np.random.SeedSequence]:
    return [episode_seed("d", "final", 0, 0, episode) for episode in episodes]


def rollout(policy: Sampler, *episodes: int) -> list[Episode]:
    return run_block([Counter() for _ in episodes], policy, "policy", seeds(*episodes), DISCOUNT)


def test_an_episodes_numbers_do_not_depend_on_its_block() -> None:
    policy = Sampler()
    together = rollout(policy, *range(10))
    assert rollout(policy, 3) == [together[3]]
    assert rollout(policy, 7, 2) == [together[7], together[2]]
    assert policy.shapes == {(BLOCK, 1)}
    assert len({episode.length for episode in together}) > 3


def test_every_episode_is_in_one_block_and_heavy_environments_have_smaller_ones() -> None:
    for environment, size in (("Hopper-v4", BLOCK), ("qdot/kitchen-complete-v0", 10)):
        found = blocks(environment, 50)
        assert [episode for block in found for episode in block] == list(range(50))
        assert max(map(len, found)) == size


def test_return_length_and_success_are_the_episodes_own() -> None:
    class One(Sampler):
        def act(self, observations: Any, readout: Any = None, generators: Any = None) -> npt.NDArray[np.float32]:
            return np.full((len(observations), 1), 0.5, np.float32)

    environments = [Counter(), Counter()]
    for episode, seed in zip(run_block(environments, One(), "policy", seeds(0, 1), DISCOUNT), seeds(0, 1), strict=True):
        start = Counter().reset(seed=int(seed.generate_state(1)[0]))[0][0]
        mass = sum(DISCOUNT**step for step in range(int(start)))
        expected = Episode(0.5 * start, int(start), 1, 0.5 * mass, mass, start + 500)
        assert astuple(episode) == pytest.approx(astuple(expected))  # success was seen one step before the end


def test_the_discounted_return_is_of_the_reward_that_the_data_record() -> None:
    class Counted(Counter):
        def step(self, action: Any) -> Any:
            observation, reward, terminated, truncated, _ = super().step(action)
            return observation, reward, terminated, truncated, {"recorded_reward": 2.0}

    (episode,) = run_block([Counted()], Sampler(), "policy", seeds(0), DISCOUNT)
    assert episode.discounted == pytest.approx(2 * episode.mass)
    assert episode.total == rollout(Sampler(), 0)[0].total


class Reflex:
    """A deterministic policy; each row's action comes from its own row."""

    def __init__(self, width: int) -> None:
        self.width = width

    def act(self, observations: Any, readout: Any = None, generators: Any = None) -> npt.NDArray[np.float32]:
        return np.tanh(3 * observations[:, 2 : 2 + self.width]).astype(np.float32)

    def value(self, observations: npt.NDArray[Any], actions: npt.NDArray[np.float32]) -> None:
        return None


def plain_episode(environment: gymnasium.Env, policy: Reflex, seed: np.random.SeedSequence) -> Episode:
    """The same, as anyone would write it with Gymnasium."""
    observation, _ = environment.reset(seed=int(seed.generate_state(1)[0]))
    total, length, discounted, mass, now, over = 0.0, 0, 0.0, 0.0, 1.0, False
    while not over:
        action = policy.act(observation[None])[0]
        observation, reward, terminated, truncated, _ = environment.step(action)
        total, length, over = total + float(reward), length + 1, terminated or truncated
        discounted, mass, now = discounted + now * float(reward), mass + now, now * DISCOUNT
    return Episode(total, length, None, discounted, mass, None)


@pytest.mark.parametrize(("name", "width"), [("Hopper-v4", 3), ("Walker2d-v4", 6)])
def test_a_block_of_episodes_is_bitwise_gymnasiums_plain_loop(name: str, width: int) -> None:
    drawn, policy = seeds(*range(10)), Reflex(width)
    environments = make_environments(name, 10)
    block = run_block(environments, policy, "policy", drawn, DISCOUNT)
    assert block == [plain_episode(environments[0], policy, seed) for seed in drawn]
    assert len({episode.length for episode in block}) > 2


def test_success_is_unknown_where_the_environment_does_not_tell() -> None:
    environment = gymnasium.make("Pendulum-v1", max_episode_steps=5)
    assert run_block([environment], Sampler(), "policy", seeds(0), DISCOUNT)[0].success is None


def test_seeds_differ_by_dataset_protocol_seed_and_episode_and_by_step_only_in_training() -> None:
    def state(*key: Any) -> tuple[int, ...]:
        return tuple(episode_seed(*key).generate_state(4).tolist())

    base = ("d", "training", 1, 100, 2)
    others = [("e", *base[1:]), ("d", "final", 1, 100, 2), ("d", "training", 2, 100, 2), ("d", "training", 1, 200, 2)]
    others += [("d", "training", 1, 100, 3)]
    assert len({state(*key) for key in [base, *others]}) == 6
    assert state(*base) == state(*base)
    assert state("d", "fixed", 1, 100, 2) == state("d", "fixed", 1, 200, 2)
    assert state("d", "fixed", 1, 100, 2) not in {state(*base), state("d", "final", 1, 100, 2)}
    assert state("d", "final", 1, 100, 2) == state("d", "final", 1, 200, 2)


def test_environments_that_cannot_be_rolled_out_are_refused() -> None:
    with pytest.raises(ParamsError, match="'CartPole-v1': action space is Discrete"):
        make_environments("CartPole-v1", 1)
    entry = "gymnasium.envs.classic_control.pendulum:PendulumEnv"
    gymnasium.register("Endless-v0", entry)
    try:
        with pytest.raises(ParamsError, match="has no time limit"):
            make_environments("Endless-v0", 1)
    finally:
        gymnasium.registry.pop("Endless-v0")
