"""The paper's claims, each with a verdict and what gave it. The claims stand in workflow/resources/claims.yaml.

A claim is `not tested` where what it needs was not run. Otherwise a rule decides from the measured interval, and the
verdict is lowered to `inconclusive` where the study is smaller than what the sentence speaks about: few seeds, few
steps, a part of its datasets, or stand-ins only.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from qdot.errors import ResultsError
from qdot.evaluation import quantities, rules
from qdot.evaluation.quantities import Evidence, Finding, Untestable
from qdot.study import Study

CLAIMS = Path("workflow/resources/claims.yaml")
KEYS = {"id", "sentence", "paper", "quantity", "what", "datasets", "rule", "bound", "deviations"}
OPTIONAL = {"inferred", "options", "stand_ins", "requires", "minimum_seeds", "remarks", "limits"}
Names = Sequence[str | Sequence[str]]
Judged = dict[str, Any]


def load(root: Path) -> dict[str, Any]:
    """Read and check claims.yaml.

    Raises:
        ResultsError: it cannot be read, a claim's keys are wrong, or it names an unknown rule or quantity.
    """
    path = root / CLAIMS
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ResultsError(f"{path}: cannot be read ({error}); restore it from the repository") from error
    for claim in content["claims"]:
        where = f"{path}: claim {claim.get('id', '?')}"
        missing, unknown = KEYS - set(claim), set(claim) - KEYS - OPTIONAL
        if missing or unknown:
            raise ResultsError(f"{where}: keys missing: {sorted(missing)}, unknown: {sorted(unknown)}")
        rules.find(claim["rule"])
        if claim["quantity"] not in quantities.QUANTITIES:
            known = ", ".join(quantities.QUANTITIES)
            raise ResultsError(f"{where}: unknown quantity {claim['quantity']!r}; expected one of: {known}")
    return content


def paper_datasets(content: Mapping[str, Any]) -> set[str]:
    """Every dataset of the paper's study, both versions of AntMaze."""
    return {dataset for group in content["groups"].values() for dataset in group}


def expand(names: Names, groups: Mapping[str, Sequence[str]], present: Callable[[str], bool]) -> list[str]:
    """Dataset names of groups and single names; of a list of alternatives, the first that has a dataset present."""
    found: list[str] = []
    for name in names:
        options = [name] if isinstance(name, str) else list(name)
        sets = [list(groups.get(option, [option])) for option in options]
        found += next((option for option in sets if any(map(present, option))), sets[0])
    return found


def judge_all(study: Study, content: Mapping[str, Any], evidence: Evidence) -> list[Judged]:
    """Every claim with its verdict, in the file's order."""
    return [Judge(study, content, evidence).judge(claim) for claim in content["claims"]]


class Judge:
    """Judges claims against one study.

    Args:
        study: The study, for its algorithms, steps and values.
        content: claims.yaml.
        evidence: What the study measured.
    """

    def __init__(self, study: Study, content: Mapping[str, Any], evidence: Evidence) -> None:
        """Keep what every claim is judged against."""
        self.study, self.content, self.evidence = study, content, evidence

    def judge(self, claim: Mapping[str, Any]) -> Judged:
        """One claim as an entry of claims.json."""
        entry = {key: claim.get(key) for key in ("id", "sentence", "paper", "inferred", "what", "deviations")}
        text = rules.find(claim["rule"]).text.format(bound=claim["bound"])
        remarks = list(claim.get("remarks", []))
        try:
            datasets = self._datasets(claim)
            self._check_values(claim, datasets)
            finding = self._measure(claim, datasets)
        except Untestable as reason:
            empty: Judged = {"measured": None, "low": None, "high": None, "datasets": [], "seeds": 0}
            verdict, notes = rules.NOT_TESTED, [f"Not tested: {reason}.", *remarks]
            return {**entry, **empty, "rule": text, "verdict": verdict, "notes": notes}
        verdict = rules.verdict(claim["rule"], finding.estimate, claim["bound"])
        lowered = list(self._limits(claim, finding))
        if lowered and verdict != rules.INCONCLUSIVE:
            lowered.append(f"By the rule alone it would be: {verdict}.")
            verdict = rules.INCONCLUSIVE
        value, low, high = (None if math.isnan(x) else x for x in finding.estimate)
        return {
            **entry,
            **{"measured": value, "low": low, "high": high},
            "datasets": list(finding.datasets),
            "seeds": finding.seeds,
            "rule": text,
            "verdict": verdict,
            "notes": [*finding.remarks, *remarks, *lowered],
        }

    def _measure(self, claim: Mapping[str, Any], datasets: list[str]) -> Finding:
        options = dict(claim.get("options", {}))
        against = options.get("against")
        if against is not None and against not in self.study.algorithms:
            raise Untestable(f"algorithm {against} is not in this study")
        if "others" in options:
            options["others"] = [d for d in self._expand(options["others"]) if d in self.study.datasets]
        return quantities.measure(claim["quantity"], self.evidence, datasets, self.content["baselines"], **options)

    def _expand(self, names: Names) -> list[str]:
        return expand(names, self.content["groups"], lambda dataset: dataset in self.study.datasets)

    def _datasets(self, claim: Mapping[str, Any]) -> list[str]:
        """The claim's datasets in this study; its stand-ins where there is none."""
        if "qdot" not in self.study.algorithms:
            raise Untestable("algorithm qdot is not in this study")
        wanted = self._expand(claim["datasets"])
        present = [d for d in wanted if d in self.study.datasets]
        present = present or [d for d in claim.get("stand_ins", []) if d in self.study.datasets]
        if not present:
            names = ", ".join(wanted) if len(wanted) <= 3 else f"its {len(wanted)} datasets"
            raise Untestable(f"{names} not in this study")
        return present

    def _check_values(self, claim: Mapping[str, Any], datasets: Sequence[str]) -> None:
        needed = claim.get("requires")
        if needed is None:
            return
        for dataset in datasets:
            found = self.study.resolved(dataset, "qdot")["algorithm_values"].get(needed["key"])
            if found not in needed["values"]:
                allowed = " or ".join(map(str, needed["values"]))
                raise Untestable(f"it is judged under {needed['key']} = {allowed} only, and this study has {found}")

    def _limits(self, claim: Mapping[str, Any], finding: Finding) -> Iterator[str]:
        """Why this study can decide nothing about the sentence, whatever the interval says."""
        wanted = set(self._expand(claim["datasets"]))
        used = wanted.intersection(finding.datasets)
        if not used:
            yield "Stand-ins made here, none of the paper's datasets: it bears on the idea, not on the paper's numbers."
        elif len(used) < len(wanted):
            yield f"{len(used)} of the {len(wanted)} datasets that the sentence speaks about."
        minimum = claim.get("minimum_seeds", self.content["minimum_seeds"])
        if finding.seeds < minimum:
            yield f"{finding.seeds} seeds, fewer than the {minimum} that a verdict needs."
        if claim["quantity"] == "gain_over_best":
            planned = set(self.content["baselines"]) & set(self.content["paper"]["algorithms"])
            scored = [a for a in planned if all(len(self.evidence.board.scores(d, a)) for d in finding.datasets)]
            if absent := sorted(planned.difference(scored)):
                yield f"Baselines without a score here: {', '.join(absent)}."
        steps = min(self.study.resolved(d, "qdot")["train"]["steps"] for d in finding.datasets)
        if steps < self.content["paper"]["steps"]:
            yield f"{steps:,} training steps, fewer than {self.content['paper']['steps']:,}."
        yield from claim.get("limits", [])
