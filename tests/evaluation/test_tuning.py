"""The bandit that counts tuning: first picks, limits, and what arms are."""

import numpy as np
import pandas as pd
import pytest
from claim_evidence import SETTINGS, Names

from qdot.evaluation.tuning import Bandit, play, tuning_table

RNG = np.random.default_rng


def constant(*scores: float) -> list[list[np.ndarray]]:
    """One seed per arm, every episode the same."""
    return [[np.full(5, score)] for score in scores]


def test_one_arm_is_worth_the_half_of_its_episodes_that_it_is_not_played_on() -> None:
    arm = [np.array([0.0, 15.0, 0.0, 25.0]), np.array([900.0, 60.0])]  # worth (15 + 25) / 2, and 60
    worth = play([arm], Bandit(2.0, 4000, 3), RNG(0))
    assert set(np.unique(worth)) == {20.0, 60.0}  # a draw takes one trained seed
    assert worth.mean() == pytest.approx(40.0, abs=1.5)
    assert (worth == worth[:, :1]).all()


def test_the_pick_of_equally_good_arms_looks_no_better_than_they_are() -> None:
    """Thirty arms of mean 0, twenty noisy episodes each: on their own episodes the best is ahead by luck alone."""
    generator, worth, lucky = RNG(9), [], []
    for _ in range(150):
        arms = [[generator.normal(size=20)] for _ in range(30)]
        worth.append(play(arms, Bandit(2.0, 20, 300), generator)[:, -1].mean())
        lucky.append(max(float(seed[0::2].mean()) for (seed,) in arms))
    error = np.std(worth) / np.sqrt(len(worth))
    assert abs(np.mean(worth)) < 3 * error < 0.1
    assert np.mean(lucky) > 0.5  # what the half that chose would say of its best arm


def test_a_policy_with_a_single_episode_has_no_half_to_be_measured_on() -> None:
    rows = [("a", "qdot", 0, "map", 50.0), ("a", "iql", 0, "policy", 50.0), ("a", "iql", 0, "policy", 60.0)]
    episodes = pd.DataFrame(rows, columns=["dataset", "algorithm", "seed", "readout", "score"])
    table = tuning_table(Names(["a"], ["qdot", "iql"]), episodes, Bandit(2.0, 5, 2), SETTINGS)  # type: ignore[arg-type]
    assert set(table["algorithm"]) == {"iql"}
    assert set(table["value"]) == {60.0}


def test_the_first_pick_is_a_random_arm_and_the_best_is_known_once_all_were_tried() -> None:
    worth = play(constant(10.0, 20.0, 60.0), Bandit(2.0, 6000, 4), RNG(1))
    # by hand: the mean of the arms; the mean over pairs of the better one (20 + 60 + 60) / 3; the best
    assert worth.mean(axis=0) == pytest.approx([30.0, 140 / 3, 60.0, 60.0], abs=0.8)


def test_an_arm_beyond_the_budget_is_never_picked() -> None:
    worth = play(constant(*range(50)), Bandit(2.0, 500, 1), RNG(2))
    assert worth.mean() == pytest.approx(24.5, abs=2.0)


def test_more_episodes_find_the_better_of_two_noisy_arms() -> None:
    arms = [[RNG(3).normal(50, 30, 200)], [RNG(4).normal(62, 30, 200)]]
    means = sorted(float(arm[0][1::2].mean()) for arm in arms)
    worth = play(arms, Bandit(2.0, 1000, 200), RNG(5)).mean(axis=0)
    assert means[0] < worth[0] < worth[20] < worth[199] < means[1] + 1e-9
    assert worth[199] > means[1] - 0.15 * (means[1] - means[0])


def test_without_exploration_a_bandit_stays_with_early_luck() -> None:
    arms = [[RNG(6).normal(50, 30, 200)], [RNG(7).normal(62, 30, 200)]]
    greedy, curious = (play(arms, Bandit(c, 1500, 200), RNG(8))[:, -1].mean() for c in (0.0, 2.0))
    assert greedy < curious


def test_arms_are_the_readouts_of_all_variants_of_a_method() -> None:
    names = [("qdot", "map"), ("qdot", "distill"), ("qdot_weak", "map"), ("iql", "policy")]
    rows = [("a", name, seed, readout, 50.0 + seed) for name, readout in names for seed in (0, 1) for _ in range(3)]
    episodes = pd.DataFrame(rows, columns=["dataset", "algorithm", "seed", "readout", "score"])
    study = Names(["a"], ["qdot", "qdot_weak", "iql"], {"qdot_weak": "one"})
    table = tuning_table(study, episodes, Bandit(2.0, 50, 20), SETTINGS)  # type: ignore[arg-type]
    assert dict(zip(table["algorithm"], table["arms"], strict=True)) == {"qdot": 3, "iql": 1}
    assert list(table.query("algorithm == 'iql'")["episodes"]) == [1, 2, 3, 5, 10, 20]
    assert ((table["low"] <= table["value"]) & (table["value"] <= table["high"])).all()


def test_without_scores_there_is_no_curve() -> None:
    episodes = pd.DataFrame({"dataset": ["a"], "algorithm": "qdot", "seed": 0, "readout": "map", "score": [np.nan]})
    study = Names(["a"], ["qdot"])
    assert tuning_table(study, episodes, Bandit(2.0, 50, 20), SETTINGS).empty  # type: ignore[arg-type]
