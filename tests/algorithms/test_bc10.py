"""BC on the best episodes: which rows it takes, by hand; a bandit of episodes."""

import dataclasses

import numpy as np
import pytest
import torch
from tiny_cells import bandit, dataset, values

from qdot.algorithms.bc10 import BC10
from qdot.errors import ParamsError
from qdot.training.trainer import Trainer


def rows(rewards: list[float], starts: list[int], share: float) -> list[int]:
    own = {"actor_dropout": 0.0, "best_share": share}
    config = BC10.Config.from_values(values("bc10")["train"], own)
    found = BC10.rows(config, np.array(rewards, np.float32), np.array(starts, np.int64))
    return [int(row) for row in found]


REWARDS = [1.0, 1.0, 5.0, 0.0, -1.0, 3.0, 3.0, 2.5]  # episodes of returns 2, 4, 6 and, cut off by the end, 2.5
STARTS = [0, 2, 5, 7]


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.1, [5, 6]), (0.5, [2, 3, 4, 5, 6]), (0.75, [2, 3, 4, 5, 6, 7]), (1.0, [0, 1, 2, 3, 4, 5, 6, 7])],
)
def test_the_rows_are_those_of_the_episodes_with_the_highest_returns(share: float, expected: list[int]) -> None:
    assert rows(REWARDS, STARTS, share) == expected


def test_of_equal_returns_the_earlier_episode_is_taken() -> None:
    assert rows([1.0, 2.0, 2.0, 1.0, 1.0], [0, 1, 2, 3], 0.5) == [1, 2]
    assert rows([2.0, 1.0, 1.0, 2.0, 0.0], [0, 1, 3, 4], 0.25) == [0]


def test_a_tenth_of_twenty_episodes_is_two() -> None:
    assert rows([float(i) for i in range(20)], list(range(20)), 0.1) == [18, 19]


def test_a_long_episode_of_many_small_rewards_is_summed_without_loss() -> None:
    """In float32 the sum of the first would stop growing at 2^24."""
    rewards = [2.0**24] + [1.0] * 64 + [2.0**24 + 32]
    assert rows(rewards, [0, 65], 0.5) == list(range(65))


@pytest.mark.parametrize("share", [0.0, 1.5])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(ParamsError, match=f"best_share: found {share}"):
        rows(REWARDS, STARTS, share)


def test_it_imitates_the_good_episodes_only() -> None:
    """A bandit of one-step episodes: half of them earn 1 with action 0.5, the others nothing with -0.5."""
    episodes = dataclasses.replace(bandit(), episode_starts=np.arange(256))
    trainer = Trainer("bc10", values("bc10", {"steps": 300, "learning_rate": 3.0e-3}), episodes, [0])
    assert len(trainer.source.tables[0]) == 26
    for _ in range(300):
        trainer.advance()
    action = trainer.model.act(torch.ones(1, 1, 2), "policy").item()
    assert action == pytest.approx(0.5, abs=0.05)


def test_the_returns_are_the_recorded_ones_whatever_rewards_are_trained_on() -> None:
    """Under `subtract_one` a short failure would beat a long success."""
    recorded = np.array([0.0, 0.0, 0.0, 1.0, 0.0], np.float32)
    data = dataset(np.zeros((5, 1)), np.zeros((5, 1)), recorded - 1)
    data = dataclasses.replace(data, recorded_rewards=recorded, episode_starts=np.array([0, 4]))
    assert len(Trainer("bc10", values("bc10", best_share=0.5), data, [0]).source.tables[0]) == 4
