"""Means over datasets: one dataset by Student's t over its seeds, several by a bootstrap stratified over datasets."""

import math
from collections.abc import Sequence

import numpy as np
from scipy import optimize, stats

from qdot.evaluation.measures import DrawMeasure, Least, Measure, TMeasure
from qdot.evaluation.statistics import Array
from qdot.evaluation.summary import Settings

QUANTILES = 1000  # of the chi-square that a power is averaged over


def mean_over_tasks(values: Sequence[Array], settings: Settings, *key: str) -> Measure:
    """The mean over datasets of the mean over seeds.

    Args:
        values: Numbers over seeds of each dataset, (seeds,); for paired algorithms the seeds' differences.
        settings: Number of resamples.
        key: Names the stream of resamples.
    """
    if len(values) == 1:
        return TMeasure.of(values[0])
    return _stratified([value[:, None] for value in values], settings, *key)[0]


def least_over_tasks(values: Sequence[Array], settings: Settings, *key: str) -> Measure:
    """The least of several means over datasets, for example of the gains over each baseline.

    One dataset: a paired t test of each gain. Several: seeds are resampled within datasets, whole rows at a time, and
    the least mean is chosen again in every resample.

    Args:
        values: Numbers over seeds of each dataset, (seeds, parts).
        settings: Number of resamples.
        key: Names the stream of resamples.
    """
    if len(values) == 1:
        return Least([TMeasure.of(column) for column in values[0].T])
    parts = _stratified(values, settings, *key)
    joint = DrawMeasure(
        min(part.value for part in parts),
        np.min([part.draws for part in parts], axis=0),
        min(part.freedom for part in parts),
        max(part.widening for part in parts),
    )
    return Least(parts, joint)


def _stratified(values: Sequence[Array], settings: Settings, *key: str) -> list[DrawMeasure]:
    """A bootstrap of the mean over datasets of every column: (seeds, columns) each."""
    generator, samples = settings.generator(*key), settings.bootstrap_samples
    means = np.mean([np.mean(value, axis=0) for value in values], axis=0)  # (columns,)
    draws = np.mean([_row_means(value, samples, generator) for value in values], axis=0)  # (samples, columns)
    fewest = min(map(len, values))
    if fewest < 2:
        return [DrawMeasure(float(mean), line, 0.0, 1.0) for mean, line in zip(means, draws.T, strict=True)]
    widening, parts = math.sqrt(fewest / (fewest - 1)), []
    for column, (mean, line) in enumerate(zip(means, draws.T, strict=True)):
        error, freedom = standard_error([value[:, column] for value in values])
        student = TMeasure(float(mean), error, freedom)
        parts.append(DrawMeasure(float(mean), line, freedom, widening, student))
    return parts


def _row_means(value: Array, samples: int, generator: np.random.Generator) -> Array:
    """Means of rows drawn with replacement: (seeds, columns) -> (samples, columns)."""
    counts = generator.multinomial(len(value), np.full(len(value), 1 / len(value)), samples)
    means: Array = counts @ value / len(value)
    return means


def standard_error(values: Sequence[Array]) -> tuple[float, float]:
    """Standard error of the mean over datasets, and its degrees of freedom (Welch and Satterthwaite).

    Args:
        values: Numbers over seeds of each dataset, (seeds,), two or more.
    """
    variances = np.array([np.var(value, ddof=1) / len(value) for value in values])
    total = float(variances.sum())
    if total == 0:
        return 0.0, float(sum(len(value) - 1 for value in values))
    parts = sum(variance**2 / (len(value) - 1) for variance, value in zip(variances, values, strict=True))
    return math.sqrt(total) / len(values), total**2 / float(parts)


def detectable(values: Sequence[Array], level: float = 0.05, power: float = 0.8) -> float:
    """The smallest true mean that a two-sided t test at `level` would find with probability `power`.

    Under a shift of d standard errors, t exceeds its critical value c with probability E[Phi(d - c s)], s the root of a
    chi-square over its degrees of freedom: the non-central t distribution, here by quantiles of s. NaN where there is
    no standard error.

    Args:
        values: Paired differences over seeds of each dataset, (seeds,).
        level: Level of the test.
        power: Probability of finding it.
    """
    if min(map(len, values)) < 2:
        return math.nan
    error, freedom = standard_error(values)
    middles = (np.arange(QUANTILES) + 0.5) / QUANTILES
    thresholds = stats.t.ppf(1 - level / 2, freedom) * np.sqrt(stats.chi2.ppf(middles, freedom) / freedom)

    def shortfall(shift: float) -> float:
        return float(np.mean(stats.norm.cdf(shift - thresholds))) - power

    return error * float(optimize.brentq(shortfall, 0.0, float(thresholds.max()) + 10))
