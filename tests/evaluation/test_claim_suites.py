"""docs/claims.md names a suite for each claim: it holds all that the claim's rule asks for before any verdict."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from qdot import params as parameters
from qdot.evaluation import claims
from qdot.study import Study

TOP = Path(__file__).parents[2]
PARAMS, CONTENT = parameters.load(TOP), claims.load(TOP)
CLAIMS = {entry["id"]: entry for entry in CONTENT["claims"]}
ROW = re.compile(r"^\| ([0-9, ]+) \| `(\w+)` \|", re.MULTILINE)
NAMED = {
    int(claim): suite for ids, suite in ROW.findall((TOP / "docs/claims.md").read_text()) for claim in ids.split(",")
}


def lacking(claim: int, suite: str) -> list[str]:
    """What a suite lacks of a claim, read from claims.yaml and params.yaml alone."""
    study, entry = Study.from_config(PARAMS, suite, TOP), CLAIMS[claim]
    found = []
    for part in claims.parts(entry):
        datasets = claims.expand(part["datasets"], CONTENT["groups"], lambda name: name in study.datasets)
        found += [f"dataset {name}" for name in datasets if name not in study.datasets]
        least = CONTENT["minimum_seeds" if len(datasets) > 1 else "minimum_seeds_single"]
        if len(study.seeds) < entry.get("minimum_seeds", least):
            found.append("seeds")
        found += [f"algorithm {name}" for name in beside(part) if name not in study.algorithms]
        ran = [d for d in datasets if d in study.datasets]
        if any(study.resolved(name, "qdot")["train"]["steps"] < CONTENT["paper"]["steps"] for name in ran):
            found.append("steps")
        wanted = part.get("requires", {"key": "q_scale", "values": []})
        values = {study.resolved(d, a)["algorithm_values"].get(wanted["key"]) for d in ran for a in study.algorithms}
        found += [f"{wanted['key']} {value}" for value in wanted["values"] if value not in values]
    return found


def beside(part: Mapping[str, Any]) -> set[str]:
    """Algorithms that a part of a claim needs."""
    options = part.get("options", {})
    named = {"qdot"} | {options[key] for key in ("against", "reference") if key in options}
    compared = set(CONTENT["baselines"]) & set(CONTENT["paper"]["algorithms"])
    return named | (compared if part["quantity"] == "gain_over_best" else set())


@pytest.mark.parametrize("claim", list(CLAIMS))
def test_the_suite_of_a_claim_holds_what_its_verdict_takes(claim: int) -> None:
    assert lacking(claim, NAMED[claim]) == []


def test_the_papers_own_size_falls_short_of_four_claims() -> None:
    short = {claim: lacking(claim, "paper") for claim in CLAIMS}
    assert {claim for claim, what in short.items() if what} == {2, 3, 4, 7}
    assert short[2] == short[3] == short[4] == ["seeds"]
    assert short[7] == ["q_scale one", "q_scale mean_q"]


def test_steadiness_is_measured_from_fixed_starts() -> None:
    study = Study.from_config(PARAMS, NAMED[4], TOP)
    for dataset in study.datasets:
        train = study.resolved(dataset, "qdot")["train"]
        assert (train["evaluate_starts"], train["evaluate_episodes"]) == ("fixed", 100)
        assert train["steps"] // train["evaluate_every"] >= 10
