"""Measured quantities that can be tested against a bound: a value, an interval, and a p-value on either side.

Every p-value here is one-sided: `p_above(bound)` is small where the quantity is credibly above the bound. A quantity
without spread (one seed) has NaN for both, and decides nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import stats

from qdot.evaluation.statistics import Array, Estimate


class Measure(Protocol):
    """What a rule decides from."""

    @property
    def value(self) -> float:
        """The estimate itself."""

    def interval(self, confidence: float) -> Estimate:
        """Value with its two-sided interval of this coverage."""

    def p_above(self, bound: float) -> float:
        """One-sided p-value of `the quantity is at most bound`."""

    def p_below(self, bound: float) -> float:
        """One-sided p-value of `the quantity is at least bound`."""


@dataclass(frozen=True)
class TMeasure:
    """A mean judged by Student's t.

    Attributes:
        value: The mean.
        error: Its standard error, NaN where one number stands alone.
        freedom: Degrees of freedom.
    """

    value: float
    error: float
    freedom: float

    @classmethod
    def of(cls, values: Array) -> "TMeasure":
        """The mean of independent numbers, (n,): of paired differences, this is the paired t test."""
        count = len(values)
        error = float(np.std(values, ddof=1)) / math.sqrt(count) if count > 1 else math.nan
        return cls(float(np.mean(values)), error, count - 1)

    def interval(self, confidence: float) -> Estimate:
        """Student's t interval."""
        half = float(stats.t.ppf(0.5 + confidence / 2, self.freedom)) * self.error if self.freedom > 0 else math.nan
        return Estimate(self.value, self.value - half, self.value + half)

    def p_above(self, bound: float) -> float:
        """One-sided t test; without any spread it is certain, 0 or 1."""
        if math.isnan(self.error):
            return math.nan
        if self.error == 0:
            return 0.0 if self.value > bound else 1.0
        return float(stats.t.sf((self.value - bound) / self.error, self.freedom))

    def p_below(self, bound: float) -> float:
        """One-sided t test on the other side."""
        return TMeasure(-self.value, self.error, self.freedom).p_above(-bound)


@dataclass(frozen=True)
class DrawMeasure:
    """A statistic judged by bootstrap draws, widened for few seeds.

    A percentile interval of few seeds is too narrow twice: a resample's variance is (n - 1) / n of the data's, and it
    has normal tails where t tails are due. The expanded percentile interval (Hesterberg 2015, section 4.3) reads the
    quantiles further out by both. Where a t statistic of the same quantity exists, the wider of the two counts.

    Attributes:
        value: The statistic of the data.
        draws: The statistic of the resamples, (samples,).
        freedom: Degrees of freedom of the draws' variance.
        widening: Square root of the share of variance that resampling loses, n / (n - 1) of one stratum.
        student: The same quantity by its standard error, where it is a mean.
    """

    value: float
    draws: Array
    freedom: float
    widening: float
    student: TMeasure | None = None

    def interval(self, confidence: float) -> Estimate:
        """The expanded percentile interval."""
        if self.freedom <= 0:
            return Estimate(self.value, math.nan, math.nan)
        tail = float(stats.norm.cdf(self.widening * stats.t.ppf(0.5 - confidence / 2, self.freedom)))
        low, high = map(float, np.quantile(self.draws, [tail, 1 - tail]))
        if self.student is not None:
            other = self.student.interval(confidence)
            low, high = min(low, other.low), max(high, other.high)
        return Estimate(self.value, low, high)

    def p_above(self, bound: float) -> float:
        """Share of draws at or below the bound, pulled in as the interval is pulled out."""
        student = None if self.student is None else self.student.p_above(bound)
        return self._p(int(np.sum(self.draws <= bound)), student)

    def p_below(self, bound: float) -> float:
        """Share of draws at or above the bound, likewise."""
        student = None if self.student is None else self.student.p_below(bound)
        return self._p(int(np.sum(self.draws >= bound)), student)

    def _p(self, count: int, student: float | None) -> float:
        """p-value from the number of draws beyond a bound; where there is none, Student's alone can tell how small."""
        if self.freedom <= 0:
            return math.nan
        if student is not None:
            return student if count == 0 else max(self._tail(count), student)
        return self._tail(count)

    def _tail(self, count: int) -> float:
        share = (1 + count) / (1 + len(self.draws))
        return float(stats.t.cdf(stats.norm.ppf(share) / self.widening, self.freedom)) if share < 1 else 1.0


@dataclass(frozen=True)
class Least:
    """The smallest of several quantities: a gain over the best baseline is the least gain over any of them.

    Above a bound are they all or none (an intersection-union test: no correction, every one must pass). Below it is
    the least where any is (a union: Bonferroni over the parts). `joint`, where given, is the smallest one re-chosen in
    every resample; it lies lower than each part's own draws, which is safe for `p_above` and not for `p_below`.

    Attributes:
        parts: The quantities.
        joint: Draws of the minimum, or None.
    """

    parts: Sequence[Measure]
    joint: DrawMeasure | None = None

    @property
    def value(self) -> float:
        """The smallest value."""
        return min(part.value for part in self.parts)

    def interval(self, confidence: float) -> Estimate:
        """From the least lower end to the least upper end at Bonferroni's coverage."""
        lower = [*self.parts, *([self.joint] if self.joint else [])]
        low = min(part.interval(confidence).low for part in lower)
        high = min(part.interval(1 - (1 - confidence) / len(self.parts)).high for part in self.parts)
        return Estimate(self.value, low, high)

    def p_above(self, bound: float) -> float:
        """The largest p-value of the parts and of the minimum re-chosen in every resample."""
        return _largest([part.p_above(bound) for part in (*self.parts, *([self.joint] if self.joint else []))])

    def p_below(self, bound: float) -> float:
        """Bonferroni's p-value of the parts."""
        return bonferroni([part.p_below(bound) for part in self.parts])


@dataclass(frozen=True)
class Negated:
    """A quantity with its sign turned."""

    inner: Measure

    @property
    def value(self) -> float:
        """Minus the inner value."""
        return -self.inner.value

    def interval(self, confidence: float) -> Estimate:
        """The inner interval, mirrored."""
        value, low, high = self.inner.interval(confidence)
        return Estimate(-value, -high, -low)

    def p_above(self, bound: float) -> float:
        """The inner p-value below the mirrored bound."""
        return self.inner.p_below(-bound)

    def p_below(self, bound: float) -> float:
        """The inner p-value above the mirrored bound."""
        return self.inner.p_above(-bound)


def greatest(parts: Sequence[Measure]) -> Measure:
    """The largest of several quantities, as `Least` of the mirrored ones."""
    return Negated(Least([Negated(part) for part in parts]))


@dataclass(frozen=True)
class Exponential:
    """A quantity measured as a logarithm."""

    inner: Measure

    @property
    def value(self) -> float:
        """Exp of the inner value."""
        return math.exp(self.inner.value)

    def interval(self, confidence: float) -> Estimate:
        """Exp of the inner interval."""
        return Estimate(*map(math.exp, self.inner.interval(confidence)))

    def p_above(self, bound: float) -> float:
        """The inner p-value at the bound's logarithm."""
        return self.inner.p_above(math.log(bound))

    def p_below(self, bound: float) -> float:
        """The inner p-value at the bound's logarithm."""
        return self.inner.p_below(math.log(bound))


def bonferroni(values: Sequence[float]) -> float:
    """p-value of `any of them`: the smallest, times their number, at most 1."""
    return min(1.0, len(values) * min(values)) if not any(map(math.isnan, values)) else math.nan


def two_sided(measure: Measure) -> float:
    """Two-sided p-value of `the quantity is 0`."""
    return min(1.0, 2 * min(measure.p_above(0), measure.p_below(0)))


def _largest(values: Sequence[float]) -> float:
    return math.nan if any(map(math.isnan, values)) else max(values)


def holm(values: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values (Scand. J. Statist. 6, 1979): p_(i) times (m - i + 1), made monotone, capped.

    Args:
        values: p-values of one family; NaN stays NaN and is no member.
    """
    known = [index for index, value in enumerate(values) if not math.isnan(value)]
    adjusted, floor = list(values), 0.0
    for rank, index in enumerate(sorted(known, key=lambda i: values[i])):
        floor = max(floor, min(1.0, (len(known) - rank) * values[index]))
        adjusted[index] = floor
    return adjusted
