"""Rules that turn a measured quantity into a verdict. Each gives two one-sided p-values: for the claim, and against it.

A claim is supported where the first is at most the rule's level, not supported where the second is, else inconclusive.
Both are adjusted by Holm over the claim's family before they are compared with the level. A level of .025 reads the
two-sided 95% interval, .05 the 90% interval. docs/claims.md has the measured false-positive rates.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from qdot.errors import ResultsError
from qdot.evaluation.measures import Measure, bonferroni

SUPPORTED, NOT_SUPPORTED, INCONCLUSIVE, NOT_TESTED = "supported", "not supported", "inconclusive", "not tested"
VERDICTS = (SUPPORTED, NOT_SUPPORTED, INCONCLUSIVE, NOT_TESTED)


class Evidenced(NamedTuple):
    """One-sided p-values: `support` is small where the data speak for the claim, `against` where they speak against."""

    support: float
    against: float


def reaches(measure: Measure, bound: float) -> Evidenced:
    """A gain as large as claimed: above 0, and not below the claimed size."""
    return Evidenced(measure.p_above(0.0), measure.p_below(bound))


def not_worse(measure: Measure, bound: float) -> Evidenced:
    """Comparable or better: not lower by more than the bound (non-inferiority)."""
    return Evidenced(measure.p_above(-bound), measure.p_below(-bound))


def above(measure: Measure, bound: float) -> Evidenced:
    """Higher than the bound."""
    return Evidenced(measure.p_above(bound), measure.p_below(bound))


def below(measure: Measure, bound: float) -> Evidenced:
    """Lower than the bound."""
    return Evidenced(measure.p_below(bound), measure.p_above(bound))


def equivalent(measure: Measure, bound: float) -> Evidenced:
    """No gap: within the bound on both sides (two one-sided tests); refuted where it lies beyond either."""
    inside = (measure.p_above(-bound), measure.p_below(bound))
    support = math.nan if any(map(math.isnan, inside)) else max(inside)
    return Evidenced(support, bonferroni([measure.p_below(-bound), measure.p_above(bound)]))


class Rule(NamedTuple):
    """A rule, the level of each of its two tests, and its text, which names the bound."""

    test: Callable[[Measure, float], Evidenced]
    level: float
    text: str


RULES = {
    "reaches": Rule(
        reaches,
        0.025,
        "supported where the 95% interval lies above 0 and reaches {bound:g}; "
        "not supported where it ends below {bound:g}",
    ),
    "not_worse": Rule(
        not_worse,
        0.05,
        "supported where the 90% interval starts above -{bound:g}; not supported where it ends below -{bound:g}",
    ),
    "above": Rule(
        above,
        0.025,
        "supported where the 95% interval lies above {bound:g}; not supported where it lies below {bound:g}",
    ),
    "below": Rule(
        below,
        0.025,
        "supported where the 95% interval lies below {bound:g}; not supported where it lies above {bound:g}",
    ),
    "below_always": Rule(
        below,
        0.025,
        "supported where the largest value over seeds lies below {bound:g}; not supported where it lies above; "
        "nothing is sampled, so there is no test",
    ),
    "equivalent": Rule(
        equivalent,
        0.05,
        "supported where the 90% interval lies within -{bound:g} and {bound:g}; "
        "not supported where it lies beyond either",
    ),
}


def find(name: str) -> Rule:
    """The rule of a name.

    Raises:
        ResultsError: there is none.
    """
    if name not in RULES:
        raise ResultsError(f"claims.yaml: unknown rule {name!r}; expected one of: {', '.join(RULES)}")
    return RULES[name]


def verdict(name: str, evidenced: Evidenced) -> str:
    """The verdict of a rule from its (adjusted) p-values; a p-value that is NaN decides nothing."""
    level = find(name).level
    if evidenced.against <= level:
        return NOT_SUPPORTED
    return SUPPORTED if evidenced.support <= level else INCONCLUSIVE
