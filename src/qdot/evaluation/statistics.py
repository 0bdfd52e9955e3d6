"""Estimates with intervals: t intervals over seeds, stratified bootstrap over datasets, probability of improvement.

A study has few seeds, so every estimate carries an interval and its number of seeds. The aggregates follow Agarwal et
al. (2021), "Deep Reinforcement Learning at the Edge of the Statistical Precipice": seeds are resampled within each
dataset, and the interquartile mean is `scipy.stats.trim_mean(x, 0.25)`.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

Array = npt.NDArray[np.float64]
Groups = Sequence[Array]  # one array of seeds per dataset
Statistic = Callable[[Groups], Array]  # arrays (samples, seeds) per dataset -> (samples,)


class Estimate(NamedTuple):
    """A value and its interval; `low` and `high` are NaN where the data cannot give one."""

    value: float
    low: float
    high: float


NOTHING = Estimate(math.nan, math.nan, math.nan)


def t_interval(values: Array, confidence: float) -> Estimate:
    """Mean with Student's t interval, seeds as the independent unit.

    Args:
        values: One number per seed, (seeds,).
        confidence: Coverage, for example .95.
    """
    if len(values) == 0:
        return NOTHING
    mean = float(np.mean(values))
    if len(values) == 1:
        return Estimate(mean, math.nan, math.nan)
    half = stats.t.ppf(0.5 + confidence / 2, len(values) - 1) * np.std(values, ddof=1) / math.sqrt(len(values))
    return Estimate(mean, mean - float(half), mean + float(half))


def mean_of_datasets(groups: Groups) -> Array:
    """Mean over datasets of the mean over seeds: each dataset weighs the same. (samples, seeds) each -> (samples,)."""
    return np.mean([np.mean(group, axis=-1) for group in groups], axis=0)


def interquartile_mean(groups: Groups) -> Array:
    """Mean of the middle half of all (dataset, seed) scores. (samples, seeds) each -> (samples,).

    `scipy.stats.trim_mean` drops `int(n / 4)` values at each end: where n is no multiple of 4 it drops fewer.
    """
    return stats.trim_mean(np.concatenate(list(groups), axis=-1), 0.25, axis=-1)


def bootstrap(
    groups: Groups, statistic: Statistic, samples: int, confidence: float, generator: np.random.Generator
) -> Estimate:
    """A statistic with a percentile interval from resampling seeds within each dataset.

    Args:
        groups: Scores by dataset, (seeds,) each.
        statistic: Vectorised over a leading axis of resamples.
        samples: Number of resamples.
        confidence: Coverage, for example .95.
        generator: Source of the resamples.

    Returns:
        The estimate; no interval where a dataset has a single seed, because resampling one value shows no spread.
    """
    if not groups or any(len(group) == 0 for group in groups):
        return NOTHING
    value = float(statistic([group[None] for group in groups])[0])
    if min(len(group) for group in groups) < 2:
        return Estimate(value, math.nan, math.nan)
    resampled = statistic([resample(group, samples, generator) for group in groups])
    return percentile_interval(value, resampled, confidence)


def percentile_interval(value: float, resampled: Array, confidence: float) -> Estimate:
    """The central `confidence` share of resampled values, (samples,)."""
    low, high = np.quantile(resampled, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return Estimate(value, float(low), float(high))


def resample(group: Array, samples: int, generator: np.random.Generator) -> Array:
    """Draw seeds with replacement: (seeds, ...) -> (samples, seeds, ...)."""
    return group[generator.integers(0, len(group), size=(samples, len(group)))]


def superiority(first: Array, second: Array) -> Array:
    """P(x > y) + P(x = y) / 2 over all pairs, Mann-Whitney's U / (n m). (samples, n), (samples, m) -> (samples,)."""
    x, y = first[..., :, None], second[..., None, :]
    return np.mean((x > y) + 0.5 * (x == y), axis=(-2, -1))


def probability_of_improvement(
    first: Groups, second: Groups, samples: int, confidence: float, generator: np.random.Generator
) -> Estimate:
    """Probability that a seed of `first` beats a seed of `second`, averaged over datasets; ties count one half."""
    if not first or any(len(group) == 0 for group in (*first, *second)):
        return NOTHING

    def average(xs: Groups, ys: Groups) -> Array:
        return np.mean([superiority(x, y) for x, y in zip(xs, ys, strict=True)], axis=0)

    value = float(average([g[None] for g in first], [g[None] for g in second])[0])
    if min(len(group) for group in (*first, *second)) < 2:
        return Estimate(value, math.nan, math.nan)
    draws = [[resample(g, samples, generator) for g in groups] for groups in (first, second)]
    return percentile_interval(value, average(*draws), confidence)
