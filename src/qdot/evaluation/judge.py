"""The paper's claims and our expectations, each with a verdict and what gave it.

An entry is `not tested` where what it needs was not run. Otherwise its rule gives two p-values, Holm adjusts them over
the entry's family, and the verdict follows. A claim's verdict is lowered to `inconclusive` where the study is smaller
than what the sentence speaks about: few seeds, few steps, a part of its datasets, or stand-ins only; so is that of an
expectation about scores. Draws of one recipe are one task.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from qdot.evaluation import quantities, rules
from qdot.evaluation.claims import expand, parts
from qdot.evaluation.draws import remark as draw_remark
from qdot.evaluation.evidence import Evidence, Finding, Untestable
from qdot.evaluation.history import History, post_hoc
from qdot.evaluation.measures import holm
from qdot.evaluation.rules import Evidenced
from qdot.evaluation.tried import Judged, Tried, known, numbers
from qdot.study import Study


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
        self.tasks = evidence.draws.tasks(study.datasets)

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
        lowered = list(self._limits(tried))
        if lowered and verdict != rules.INCONCLUSIVE:
            lowered.append(f"By the rule alone it would be: {verdict}.")
            verdict = rules.INCONCLUSIVE
        datasets = list(dict.fromkeys(d for _, finding in tried.findings for d in finding.datasets))
        remarks = [remark for _, finding in tried.findings for remark in finding.remarks]
        remarks += draw_remark(datasets, self.evidence.draws)
        untested = [f"A part of the sentence was not tested: {reason}." for reason in tried.reasons]
        return {
            **result,
            **numbers(tried),
            **{"p": known(evidenced.support), "p_holm": known(adjusted.support)},
            **{"p_against": known(evidenced.against), "p_against_holm": known(adjusted.against)},
            "datasets": datasets,
            "seeds": min(finding.seeds for _, finding in tried.findings),
            "verdict": verdict,
            "notes": [*remarks, *notes, *untested, *lowered],
        }

    def _origin(self, section: str, tried: Tried) -> Judged:
        """The commit of the rule and those of the runs that it judges."""
        change = self.history.change(section, tried.entry, self.content)
        keys = {(d, a) for _, finding in tried.findings for d in finding.datasets for a in finding.algorithms}
        rows = self.runs[pd.MultiIndex.from_frame(self.runs[["dataset", "algorithm"]]).isin(list(keys))]
        commits, finished = list(rows["git_commit"].dropna().unique()), list(rows["finished"].dropna())
        if any(not finding.datasets for _, finding in tried.findings):  # of the transport studies
            run = self.evidence.transport.run
            commits += [run["git_commit"]] if "git_commit" in run else []
            finished += [run["finished"]] if "finished" in run else []
        return {
            "rule_commit": change.commit,
            "rule_date": change.date,
            "run_commits": sorted(set(commits)),
            "post_hoc": post_hoc(change, finished),
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
        return expand(names, self.content["groups"], lambda dataset: dataset in self.tasks)

    def _datasets(self, part: Mapping[str, Any]) -> list[str]:
        """The part's tasks in this study; its stand-ins where there is none."""
        if "qdot" not in self.study.algorithms:
            raise Untestable("algorithm qdot is not in this study")
        wanted = self._expand(part["datasets"])
        present = [d for d in wanted if d in self.tasks]
        present = present or [d for d in part.get("stand_ins", []) if d in self.tasks]
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
            draws = [d for task in datasets for d in self.evidence.draws.members(task)]
            values = {self.study.resolved(d, algorithm)["algorithm_values"].get(key) for d in draws}
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

    def _limits(self, tried: Tried) -> Iterator[str]:
        """Why this study can decide nothing about the sentence, whatever the intervals say."""
        for part, finding in tried.findings:
            yield from self._few_seeds(tried.entry, finding)
            yield from finding.limits
            if finding.datasets:
                yield from self._smaller_than_paper(part, finding)

    def _few_seeds(self, entry: Mapping[str, Any], finding: Finding) -> Iterator[str]:
        tasks = self.evidence.draws.tasks(finding.datasets)
        shared = "minimum_seeds" if len(tasks) > 1 else "minimum_seeds_single"
        minimum = entry.get("minimum_seeds", self.content[shared])
        if finding.seeds < minimum:
            yield f"{finding.seeds} seeds, fewer than the {minimum} that a verdict needs."

    def _smaller_than_paper(self, part: Mapping[str, Any], finding: Finding) -> Iterator[str]:
        wanted = set(self._expand(part["datasets"]))
        tasks = self.evidence.draws.tasks(finding.datasets)
        used = wanted.intersection(tasks)
        if not used:
            yield "Stand-ins made here, none of the paper's datasets: it bears on the idea, not on the paper's numbers."
        elif len(used) < len(wanted):
            yield f"{len(used)} of the {len(wanted)} datasets that the sentence speaks about."
        if part["quantity"] == "gain_over_best":
            planned = set(self.content["baselines"]) & set(self.content["paper"]["algorithms"])
            scored = [a for a in planned if all(len(self.evidence.board.scores(d, a)) for d in tasks)]
            if absent := sorted(planned.difference(scored)):
                yield f"Baselines without a score here: {', '.join(absent)}."
        steps = min(self.study.resolved(d, "qdot")["train"]["steps"] for d in finding.datasets)
        if steps < self.content["paper"]["steps"]:
            yield f"{steps:,} training steps, fewer than {self.content['paper']['steps']:,}."


def _text(part: Mapping[str, Any]) -> str:
    return rules.find(part["rule"]).text.format(bound=part["bound"])
