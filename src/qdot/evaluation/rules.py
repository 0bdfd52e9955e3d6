"""Rules that turn an estimate into a verdict. Each is a pure function of the estimate and the rule's bound.

A verdict needs the whole interval on one side of the bound; anything else is `inconclusive`.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from qdot.errors import ResultsError
from qdot.evaluation.statistics import Estimate

SUPPORTED, NOT_SUPPORTED, INCONCLUSIVE, NOT_TESTED = "supported", "not supported", "inconclusive", "not tested"
VERDICTS = (SUPPORTED, NOT_SUPPORTED, INCONCLUSIVE, NOT_TESTED)


def reaches(estimate: Estimate, bound: float) -> str:
    """A gain as large as claimed: above 0, and the claimed size not above the interval."""
    if estimate.high < bound:
        return NOT_SUPPORTED
    return SUPPORTED if estimate.low > 0 else INCONCLUSIVE


def not_worse(estimate: Estimate, bound: float) -> str:
    """Comparable or better: not lower by more than the bound (non-inferiority)."""
    if estimate.low >= -bound:
        return SUPPORTED
    return NOT_SUPPORTED if estimate.high < -bound else INCONCLUSIVE


def above(estimate: Estimate, bound: float) -> str:
    """Higher than the bound."""
    if estimate.low > bound:
        return SUPPORTED
    return NOT_SUPPORTED if estimate.high < bound else INCONCLUSIVE


def below(estimate: Estimate, bound: float) -> str:
    """Lower than the bound."""
    if estimate.high < bound:
        return SUPPORTED
    return NOT_SUPPORTED if estimate.low > bound else INCONCLUSIVE


class Rule(NamedTuple):
    """A rule and its text, which names the bound."""

    decide: Callable[[Estimate, float], str]
    text: str


RULES = {
    "reaches": Rule(
        reaches,
        "supported where the interval lies above 0 and reaches {bound:g}; not supported where it ends below {bound:g}",
    ),
    "not_worse": Rule(
        not_worse,
        "supported where the interval starts at -{bound:g} or above; not supported where it ends below -{bound:g}",
    ),
    "above": Rule(
        above, "supported where the interval lies above {bound:g}; not supported where it lies below {bound:g}"
    ),
    "below": Rule(
        below, "supported where the interval lies below {bound:g}; not supported where it lies above {bound:g}"
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


def verdict(name: str, estimate: Estimate, bound: float) -> str:
    """The verdict of a rule; without an interval it is `inconclusive`."""
    rule = find(name)
    if math.isnan(estimate.low) or math.isnan(estimate.high):
        return INCONCLUSIVE
    return rule.decide(estimate, bound)
