"""Permutation tests: labels of two algorithms are exchanged, within seeds where these are paired."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from qdot.evaluation.measures import Measure
from qdot.evaluation.statistics import Array, Estimate

Pair = tuple[Array, Array]  # numbers of the two algorithms over seeds, (draws, seeds) each
Statistic = Callable[[Sequence[Pair]], Array]  # one pair per dataset -> (draws,)


class Sample(NamedTuple):
    """Two algorithms on one dataset.

    Attributes:
        first: One number per seed of the first algorithm, (seeds,).
        second: The same of the second.
        paired: Whether the two arrays are over the same seeds, in the same order.
    """

    first: Array
    second: Array
    paired: bool


@dataclass(frozen=True)
class Permuted:
    """A statistic judged against its values under exchanged labels.

    Attributes:
        spread: The statistic with the interval that is shown beside the test.
        null: Its values under exchanged labels, (draws,).
        exact: Whether `null` holds every exchange once, the identity among them.
    """

    spread: Measure
    null: Array
    exact: bool

    @property
    def value(self) -> float:
        """The statistic of the data."""
        return self.spread.value

    def interval(self, confidence: float) -> Estimate:
        """The interval of `spread`."""
        return self.spread.interval(confidence)

    def p_above(self, bound: float) -> float:
        """Share of exchanges that give at least this value; the only bound that exchanging labels can test is 0."""
        return self._share(self.null >= self.value - self._tolerance, bound)

    def p_below(self, bound: float) -> float:
        """Share of exchanges that give at most this value."""
        return self._share(self.null <= self.value + self._tolerance, bound)

    @property
    def _tolerance(self) -> float:
        """Exchanges that give the same value in another order of summation are ties."""
        return 1e-12 * (1 + abs(self.value))

    def _share(self, extreme: npt.NDArray[np.bool_], bound: float) -> float:
        if bound != 0:
            raise ValueError(f"a permutation test knows the bound 0 only, found {bound}")
        if len(self.null) == 0 or math.isnan(self.spread.interval(0.95).low):
            return math.nan
        count = int(np.sum(extreme))
        return count / len(self.null) if self.exact else (1 + count) / (1 + len(self.null))


def exchange(
    data: Sequence[Sample], statistic: Statistic, samples: int, generator: np.random.Generator
) -> tuple[Array, bool]:
    """Values of a statistic under exchanged labels, and whether they are all of them.

    Labels of paired seeds are exchanged within pairs (a sign flip of their difference); others are permuted over all
    seeds of the dataset. Every exchange is made where there is one dataset with at most `samples` of them; otherwise
    `samples` random ones, drawn for each dataset on its own.
    """
    exact = len(data) == 1 and _exchanges(data[0]) <= samples
    relabelled = [_every(data[0])] if exact else [_random(sample, samples, generator) for sample in data]
    return statistic(relabelled), exact


def _exchanges(sample: Sample) -> int:
    first, second = len(sample.first), len(sample.second)
    return int(2**first if sample.paired else math.comb(first + second, first))


def _every(sample: Sample) -> Pair:
    """Every exchange of one dataset's labels: (exchanges, seeds) of each algorithm."""
    if sample.paired:
        return _swapped(sample, np.array(list(itertools.product([False, True], repeat=len(sample.first)))))
    everyone = range(len(sample.first) + len(sample.second))
    chosen = itertools.combinations(everyone, len(sample.first))
    return _ordered(sample, np.array([[*taken, *(i for i in everyone if i not in taken)] for taken in chosen]))


def _random(sample: Sample, samples: int, generator: np.random.Generator) -> Pair:
    """Random exchanges of one dataset's labels: (samples, seeds) of each algorithm."""
    if sample.paired:
        return _swapped(sample, generator.random((samples, len(sample.first))) < 0.5)
    everyone = np.tile(np.arange(len(sample.first) + len(sample.second)), (samples, 1))
    return _ordered(sample, generator.permuted(everyone, axis=1))


def _swapped(sample: Sample, swap: npt.NDArray[np.bool_]) -> Pair:
    return np.where(swap, sample.second, sample.first), np.where(swap, sample.first, sample.second)


def _ordered(sample: Sample, orders: npt.NDArray[np.int64]) -> Pair:
    together = np.concatenate([sample.first, sample.second])[orders]
    return together[:, : len(sample.first)], together[:, len(sample.first) :]
