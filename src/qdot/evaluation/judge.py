"""The paper's claims and our expectations, each with a verdict and what gave it.

An entry is `not tested` where what it needs was not run. Otherwise its rule gives two p-values, Holm adjusts them over
the entry's family, and the verdict follows. A claim's verdict is lowered to `inconclusive` where the study is smaller
than what the sentence speaks about: few seeds, few steps, a part of its datasets, or stand-ins only.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from qdot.evaluation import quantities, rules
from qdot.evaluation.claims import expand, parts
from qdot.evaluation.evidence import Evidence, Finding, Untestable
from qdot.evaluation.history import History, post_hoc
from qdot.evaluation.measures import bonferroni, holm
from qdot.evaluation.rules import Evidenced
from qdot.study import Study

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


class Judge:
    """Judges entries of claims.yaml against one study.

    Args:
        study: The study, for its algorithms, steps and values.
        content: claims.yaml.
        evidence: What the study measured.
        history: Versions of claims.yaml.
        runs: Commit and end of every trained cell.
    """

    def __init__(
        self, study: Study, content: Mapping[str, Any], evidence: Evidence, history: History, runs: pd.DataFrame
    ) -> None:
        """Keep what every entry is judged against."""
        self.study, self.content, self.evidence = study, content, evidence
        self.history, self.runs = history, runs

    def judge_all(self, section: str) -> list[Judged]:
        """Every entry of `claims` or `expectations` with its verdict, in the file's order."""
        tried = [self._try(entry) for entry in self.content[section]]
        evidenced = [one.evidenced for one in tried]
        adjusted: list[Evidenced] = list(evidenced)
        families = [one.entry.get("family", one.entry["id"]) for one in tried]
        for family in dict.fromkeys(families):
            members = [index for index, name in enumerate(families) if name == family]
            sides = [holm([evidenced[i][side] for i in members]) for side in (0, 1)]
            for index, support, against in zip(members, *sides, strict=True):
                adjusted[index] = Evidenced(support, against)
        return [self._entry(section, *each) for each in zip(tried, evidenced, adjusted, strict=True)]

    def _entry(self, section: str, tried: Tried, evidenced: Evidenced, adjusted: Evidenced) -> Judged:
        """One entry of claims.json or expectations.json."""
        entry = tried.entry
        result: Judged = {key: entry.get(key) for key in ("id", "sentence", "paper", "inferred", "what")}
        result["deviations"] = entry.get("deviations", [])
        result["rule"] = "; and: ".join(_text(part) for part in parts(entry))
        result |= self._origin(section, tried)
        notes = list(entry.get("remarks", []))
        if not tried.findings:
            empty: Judged = {"measured": None, "low": None, "high": None, "datasets": [], "seeds": 0, "secondary": []}
            unknown = dict.fromkeys(("p", "p_holm", "p_against", "p_against_holm"))
            reason = f"Not tested: {'; '.join(dict.fromkeys(tried.reasons))}."
            return {**result, **empty, **unknown, "verdict": rules.NOT_TESTED, "notes": [reason, *notes]}
        verdict = rules.verdict(entry["rule"], adjusted)
        lowered = list(self._limits(section, tried))
        if lowered and verdict != rules.INCONCLUSIVE:
            lowered.append(f"By the rule alone it would be: {verdict}.")
            verdict = rules.INCONCLUSIVE
        remarks = [remark for _, finding in tried.findings for remark in finding.remarks]
        untested = [f"A part of the sentence was not tested: {reason}." for reason in tried.reasons]
        return {
            **result,
            **_numbers(tried),
            **{"p": _known(evidenced.support), "p_holm": _known(adjusted.support)},
            **{"p_against": _known(evidenced.against), "p_against_holm": _known(adjusted.against)},
            "datasets": list(dict.fromkeys(d for _, finding in tried.findings for d in finding.datasets)),
            "seeds": min(finding.seeds for _, finding in tried.findings),
            "verdict": verdict,
            "notes": [*remarks, *notes, *untested, *lowered],
        }

    def _origin(self, section: str, tried: Tried) -> Judged:
        """The commit of the rule and those of the runs that it judges."""
        change = self.history.change(section, tried.entry, self.content)
        keys = {(d, a) for _, finding in tried.findings for d in finding.datasets for a in finding.algorithms}
        rows = self.runs[pd.MultiIndex.from_frame(self.runs[["dataset", "algorithm"]]).isin(list(keys))]
        return {
            "rule_commit": change.commit,
            "rule_date": change.date,
            "run_commits": sorted(rows["git_commit"].dropna().unique()),
            "post_hoc": post_hoc(change, list(rows["finished"].dropna())),
        }

    def _try(self, entry: Mapping[str, Any]) -> Tried:
        found: list[tuple[Mapping[str, Any], Finding | Untestable]] = []
        for part in parts(entry):
            try:
                found.append((part, self._measure(part)))
            except Untestable as reason:
                found.append((part, reason))
        return Tried(entry, found)

    def _measure(self, part: Mapping[str, Any]) -> Finding:
        options = dict(part.get("options", {}))
        against = options.get("against")
        if against is not None and against not in self.study.algorithms:
            raise Untestable(f"algorithm {against} is not in this study")
        if part["quantity"] == "gain_over_best":
            options["baselines"] = self.content["baselines"]
        datasets = self._datasets(part) if part["datasets"] else []
        limits: list[str] = []
        if "requires" in part:
            options["algorithms"], limits = self._variants(part["requires"], datasets)
        finding = quantities.measure(part["quantity"], self.evidence, datasets, **options)
        finding.limits.extend(limits)
        return finding

    def _expand(self, names: Sequence[str | Sequence[str]]) -> list[str]:
        return expand(names, self.content["groups"], lambda dataset: dataset in self.study.datasets)

    def _datasets(self, part: Mapping[str, Any]) -> list[str]:
        """The part's datasets in this study; its stand-ins where there is none."""
        if "qdot" not in self.study.algorithms:
            raise Untestable("algorithm qdot is not in this study")
        wanted = self._expand(part["datasets"])
        present = [d for d in wanted if d in self.study.datasets]
        present = present or [d for d in part.get("stand_ins", []) if d in self.study.datasets]
        if not present:
            names = ", ".join(wanted) if len(wanted) <= 3 else f"its {len(wanted)} datasets"
            raise Untestable(f"{names} not in this study")
        return present

    def _variants(self, needed: Mapping[str, Any], datasets: Sequence[str]) -> tuple[list[str], list[str]]:
        """The variant of Q-DOT that runs each value that a part is judged under, and what is missing of them."""
        key, seen = needed["key"], set()
        found: dict[Any, str] = {}
        for algorithm in self.study.algorithms:
            if self.study.method(algorithm) != "qdot":
                continue
            values = {self.study.resolved(d, algorithm)["algorithm_values"].get(key) for d in datasets}
            seen |= values
            if len(values) == 1:
                found.setdefault(values.pop(), algorithm)
        chosen = [found[value] for value in needed["values"] if value in found]
        if not chosen:
            allowed = " or ".join(map(str, needed["values"]))
            raise Untestable(
                f"it is judged under {key} = {allowed} only, and this study has {', '.join(map(str, seen))}"
            )
        absent = [str(value) for value in needed["values"] if value not in found]
        return chosen, [f"Not run with {key} = {', '.join(absent)}, under which it must hold too."] if absent else []

    def _limits(self, section: str, tried: Tried) -> Iterator[str]:
        """Why this study can decide nothing about the sentence, whatever the intervals say."""
        for part, finding in tried.findings:
            yield from self._few_seeds(tried.entry, finding)
            yield from finding.limits
            if section == "claims":
                yield from self._smaller_than_paper(part, finding)

    def _few_seeds(self, entry: Mapping[str, Any], finding: Finding) -> Iterator[str]:
        shared = "minimum_seeds" if len(finding.datasets) > 1 else "minimum_seeds_single"
        minimum = entry.get("minimum_seeds", self.content[shared])
        if finding.seeds < minimum:
            yield f"{finding.seeds} seeds, fewer than the {minimum} that a verdict needs."

    def _smaller_than_paper(self, part: Mapping[str, Any], finding: Finding) -> Iterator[str]:
        wanted = set(self._expand(part["datasets"]))
        used = wanted.intersection(finding.datasets)
        if not used:
            yield "Stand-ins made here, none of the paper's datasets: it bears on the idea, not on the paper's numbers."
        elif len(used) < len(wanted):
            yield f"{len(used)} of the {len(wanted)} datasets that the sentence speaks about."
        if part["quantity"] == "gain_over_best":
            planned = set(self.content["baselines"]) & set(self.content["paper"]["algorithms"])
            scored = [a for a in planned if all(len(self.evidence.board.scores(d, a)) for d in finding.datasets)]
            if absent := sorted(planned.difference(scored)):
                yield f"Baselines without a score here: {', '.join(absent)}."
        steps = min(self.study.resolved(d, "qdot")["train"]["steps"] for d in finding.datasets)
        if steps < self.content["paper"]["steps"]:
            yield f"{steps:,} training steps, fewer than {self.content['paper']['steps']:,}."


def _text(part: Mapping[str, Any]) -> str:
    return rules.find(part["rule"]).text.format(bound=part["bound"])


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _numbers(tried: Tried) -> Judged:
    """The first part's interval as the measured one; the other parts and what stands beside them as secondary."""
    beside, first = [], None
    for part, finding in tried.findings:
        estimate = finding.measure.interval(CONFIDENCE)
        if part is tried.entry:
            first = estimate
        else:
            beside.append((part["what"], estimate))
        beside += [(each.what, each.estimate) for each in finding.secondary]
    secondary = [{"what": what, **{k: _known(v) for k, v in each._asdict().items()}} for what, each in beside]
    keys = ("measured", "low", "high")
    values = map(_known, first) if first is not None else (None, None, None)
    return {**dict(zip(keys, values, strict=True)), "secondary": secondary}
