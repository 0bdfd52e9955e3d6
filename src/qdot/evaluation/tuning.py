"""tuning.csv: what tuning costs. Expected score of the policy that a bandit picks after n evaluation episodes.

After "A Clean Slate for Offline Reinforcement Learning" (arXiv 2504.11453): whoever tunes in the environment pays for
each episode, so a method with many configurations must earn them. Arms are the configurations of one method: its
variants in this study, by readout. One draw takes a trained seed of every arm; UCB1 plays episodes of these policies
(drawn with replacement from their recorded ones), and after n episodes the arm with the highest mean so far is picked.

The recorded episodes of each policy are split in two halves, every other one: the bandit plays those of the first half,
and the picked policy's worth is the mean of the second. Measured on the episodes that chose it, the best of many arms
would look better than it is.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from qdot.evaluation.statistics import Array
from qdot.evaluation.summary import Settings
from qdot.frames import groups
from qdot.study import Study

COLUMNS = ["dataset", "algorithm", "arms", "episodes", "value", "low", "high"]
SHOWN = (1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 500, 1000, 2000, 5000)  # numbers of episodes in the table


class Bandit(NamedTuple):
    """How a sweep is played: section `compare` of params.yaml.

    Attributes:
        exploration: c of the bonus c s sqrt(ln t / n): t episodes so far, n of this arm, s the spread of all episodes
            of the sweep, so that c has no unit.
        draws: Number of times that the sweep is played.
        episodes: Number of episodes of each.
    """

    exploration: float
    draws: int
    episodes: int


def tuning_table(study: Study, episodes: pd.DataFrame, bandit: Bandit, settings: Settings) -> pd.DataFrame:
    """Curves by dataset and method, with the share `settings.confidence` of draws between low and high.

    Args:
        study: The study, which says what its grid made of which algorithm.
        episodes: Scores of single episodes: `dataset, algorithm, seed, readout, score`.
        bandit: How a sweep is played.
        settings: Coverage of the band, and the streams of draws.
    """
    rows = []
    scored = episodes.dropna(subset="score")
    for (dataset,), own in groups(scored, "dataset"):
        methods = own["algorithm"].map(lambda name: study.swept_from(name) or name)
        for (name,), sweep in groups(own.assign(method=methods), "method"):
            arms = [seeds for _, group in groups(sweep, "algorithm", "readout") if (seeds := _seeds(group))]
            if not arms:
                continue
            worth = play(arms, bandit, settings.generator("tuning", dataset, name))
            for count in [n for n in SHOWN if n <= bandit.episodes]:
                picked = worth[:, count - 1]
                low, high = np.quantile(picked, [0.5 - settings.confidence / 2, 0.5 + settings.confidence / 2])
                rows.append((dataset, name, len(arms), count, float(picked.mean()), float(low), float(high)))
    return pd.DataFrame(rows, columns=COLUMNS)


def _seeds(rows: pd.DataFrame) -> list[Array]:
    """Scores of the episodes of each seed of one arm; one episode cannot be split, and is left out."""
    found = [group["score"].to_numpy(dtype=float) for _, group in groups(rows, "seed")]
    return [scores for scores in found if len(scores) > 1]


def play(arms: Sequence[Sequence[Array]], bandit: Bandit, generator: np.random.Generator) -> Array:
    """Worth of the policy picked after each episode.

    Args:
        arms: Scores of episodes by arm and seed, two or more of each.
        bandit: How the sweep is played.
        generator: Chooses seeds, episodes, and the order in which arms are first tried.

    Returns:
        (draws, episodes): the mean score of the picked policy over the episodes that the bandit cannot play; an arm
        that was never tried is never picked.
    """
    draws, everyone = bandit.draws, np.arange(bandit.draws)
    chosen = np.stack([generator.integers(0, len(seeds), draws) for seeds in arms], axis=1)  # (draws, arms)
    padded, lengths = _policies([[scores[0::2] for scores in seeds] for seeds in arms])
    held_out = _policies([[scores[1::2] for scores in seeds] for seeds in arms])
    means = np.nansum(held_out[0], axis=2) / np.maximum(held_out[1], 1)
    spread = float(np.std(np.concatenate([scores[0::2] for seeds in arms for scores in seeds])))
    first = generator.permuted(np.tile(np.arange(len(arms)), (draws, 1)), axis=1)
    totals, counts = np.zeros((draws, len(arms))), np.zeros((draws, len(arms)))
    worth = np.empty((draws, bandit.episodes))
    for time in range(bandit.episodes):
        if time < len(arms):
            arm = first[:, time]
        else:
            bonus = bandit.exploration * spread * np.sqrt(math.log(time) / counts)
            arm = np.argmax(totals / counts + bonus, axis=1)
        seed = chosen[everyone, arm]
        totals[everyone, arm] += padded[arm, seed, (generator.random(draws) * lengths[arm, seed]).astype(int)]
        counts[everyone, arm] += 1
        picked = np.argmax(np.where(counts > 0, totals / np.maximum(counts, 1), -np.inf), axis=1)
        worth[:, time] = means[picked, chosen[everyone, picked]]
    return worth


def _policies(arms: Sequence[Sequence[Array]]) -> tuple[Array, npt.NDArray[np.int64]]:
    """Scores of episodes, padded with NaN, (arms, seeds, episodes), and their numbers, (arms, seeds)."""
    seeds, longest = max(map(len, arms)), max(len(scores) for arm in arms for scores in arm)
    padded = np.full((len(arms), seeds, longest), np.nan)
    for arm, policies in enumerate(arms):
        for seed, scores in enumerate(policies):
            padded[arm, seed, : len(scores)] = scores
    return padded, (~np.isnan(padded)).sum(axis=2)
