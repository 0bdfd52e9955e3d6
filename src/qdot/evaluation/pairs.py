"""Two runs row by row: both means, their difference, and an interval of it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qdot.evaluation.measures import TMeasure
from qdot.evaluation.statistics import Array, Estimate, t_interval
from qdot.evaluation.tasks import standard_error
from qdot.evaluation.verification import Key, Runs

PAIRED, WELCH = "paired", "Welch"


@dataclass(frozen=True)
class Pair:
    """One (dataset, algorithm, readout, protocol, quantity) of two runs.

    Attributes:
        key: Those five.
        first: Mean over the first run's seeds, with Student's interval.
        second: The same of the second run.
        seeds: Seeds of the first run, and of the second.
        difference: Second minus first, with an interval by `how`; NaN where one seed shows no spread.
        how: `paired`: both have the same seeds, and seed k is held against seed k. `Welch`: they have not, and the
            runs are taken to be independent, each with a spread of its own.
    """

    key: Key
    first: Estimate
    second: Estimate
    seeds: tuple[list[int], list[int]]
    difference: Estimate
    how: str


def pairs(first: Runs, second: Runs, confidence: float) -> list[Pair]:
    """Every row that both runs have, in the first run's order."""
    return [pair(key, first[key], second[key], confidence) for key in first if key in second]


def pair(key: Key, first: Mapping[int, float], second: Mapping[int, float], confidence: float) -> Pair:
    """One row of two runs.

    Args:
        key: Which row.
        first: The first run's value by seed.
        second: The second run's.
        confidence: Coverage of every interval.
    """
    seeds = (sorted(first), sorted(second))
    values = [np.array([run[seed] for seed in own]) for run, own in zip((first, second), seeds, strict=True)]
    same = seeds[0] == seeds[1]
    measure = TMeasure.of(values[1] - values[0]) if same else _welch(*values)
    means = [t_interval(each, confidence) for each in values]
    return Pair(key, means[0], means[1], seeds, measure.interval(confidence), PAIRED if same else WELCH)


def _welch(first: Array, second: Array) -> TMeasure:
    """Difference of two independent means with Welch's standard error; without one where either is a single seed."""
    difference = float(second.mean() - first.mean())
    if min(len(first), len(second)) < 2:
        return TMeasure(difference, np.nan, 0)
    error, freedom = standard_error([first, second])  # of the mean of both, half the difference's
    return TMeasure(difference, 2 * error, freedom)
