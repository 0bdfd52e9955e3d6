"""An entry of claims.yaml with what its parts measured, and the numbers that are printed of it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qdot.evaluation import rules
from qdot.evaluation.evidence import Finding, Untestable
from qdot.evaluation.measures import bonferroni
from qdot.evaluation.rules import Evidenced

Judged = dict[str, Any]
CONFIDENCE = 0.95  # of the interval that is printed; a rule's text names the one that it reads


@dataclass(frozen=True)
class Tried:
    """An entry and what its parts measured: a finding, or the reason why there is none."""

    entry: Mapping[str, Any]
    found: Sequence[tuple[Mapping[str, Any], Finding | Untestable]]

    @property
    def findings(self) -> list[tuple[Mapping[str, Any], Finding]]:
        """The parts that were measured."""
        return [(part, found) for part, found in self.found if isinstance(found, Finding)]

    @property
    def reasons(self) -> list[str]:
        """Why the others were not."""
        return [str(found) for _, found in self.found if isinstance(found, Untestable)]

    @property
    def evidenced(self) -> Evidenced:
        """p-values of all parts together: every part must hold, and one that is refuted refutes the entry."""
        each = [rules.find(part["rule"]).test(found.measure, part["bound"]) for part, found in self.findings]
        if not each:
            return Evidenced(math.nan, math.nan)
        supports = [one.support for one in each]
        whole = not self.reasons and not any(map(math.isnan, supports))
        known = [one.against for one in each if not math.isnan(one.against)]
        against = min(1.0, bonferroni(known) * len(self.found) / len(known)) if known else math.nan
        return Evidenced(max(supports) if whole else math.nan, against)


def known(value: float) -> float | None:
    """A number as JSON knows it: None where it is NaN."""
    return None if math.isnan(value) else value


def numbers(tried: Tried) -> Judged:
    """The first part's interval as the measured one; the other parts and what stands beside them as secondary."""
    beside, first = [], None
    for part, finding in tried.findings:
        estimate = finding.measure.interval(CONFIDENCE)
        if part is tried.entry:
            first = estimate
        else:
            beside.append((part["what"], estimate))
        beside += [(each.what, each.estimate) for each in finding.secondary]
    secondary = [{"what": what, **{k: known(v) for k, v in each._asdict().items()}} for what, each in beside]
    keys = ("measured", "low", "high")
    values = map(known, first) if first is not None else (None, None, None)
    return {**dict(zip(keys, values, strict=True)), "secondary": secondary}
