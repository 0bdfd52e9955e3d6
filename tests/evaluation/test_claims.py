"""Verdicts: what each rule gives, and what keeps a small study from deciding anything."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from claim_evidence import transport
from fake_study import TOP, fill, new_study, vouch

from qdot.errors import ResultsError
from qdot.evaluation import claims, rules
from qdot.evaluation.compare import compare
from qdot.evaluation.measures import TMeasure
from qdot.provenance import write_json
from qdot.recipes import table_recipe, transport_recipe
from qdot.reporting.deviations import read_deviations
from qdot.study import Study

FULL = {"train.steps": 1000000, "train.evaluate_every": 100000}
WITH_BASELINES = "qdot,iql,bc,td3_bc,bc10"


def judged(study: Study) -> dict[int, dict[str, Any]]:
    compare(study)
    return {claim["id"]: claim for claim in json.loads((study.compare_dir / "claims.json").read_text())}


def expected(study: Study, name: str) -> dict[str, Any]:
    compare(study)
    entries = json.loads((study.compare_dir / "expectations.json").read_text())
    return next(entry for entry in entries if entry["id"] == name)


def ten_seeds(root: Path, **config: Any) -> Study:
    """The paper's suite with ten seeds, which a verdict on one dataset needs."""
    study = new_study(root, "paper", **config)
    study.params["suites"]["paper"]["seeds"] = list(range(10))
    return study


def shifted(gains: dict[str, float]) -> Any:
    """Scores of 50 for every algorithm but those with a gain; seeds spread by a point."""
    return lambda cell, readout: 50 + gains.get(cell.algorithm, 0.0) + 0.5 * (cell.seed % 3 - 1)


@pytest.mark.parametrize(
    ("rule", "bound", "value", "verdict"),
    [
        ("reaches", 10.0, 9, "supported"),
        ("reaches", 10.0, 5, "not supported"),
        ("reaches", 6.0, 1.9, "not supported"),  # above 0 is not credible, below 6 is
        ("reaches", 3.8, 1.9, "inconclusive"),
        ("not_worse", 5.0, -3.3, "supported"),  # 1.70 standard errors above -5: a 90% interval
        ("not_worse", 5.0, -3.4, "inconclusive"),
        ("not_worse", 5.0, -7, "not supported"),
        ("above", 0.0, 2, "supported"),
        ("above", 0.0, 1.9, "inconclusive"),
        ("above", 0.0, -2, "not supported"),
        ("below", 5.0, 3, "supported"),
        ("below", 5.0, 3.1, "inconclusive"),
        ("below", 5.0, 7, "not supported"),
        ("equivalent", 5.0, 3.3, "supported"),
        ("equivalent", 5.0, -3.4, "inconclusive"),
        ("equivalent", 5.0, 7, "not supported"),
    ],
)
def test_a_rule_needs_the_whole_interval(rule: str, bound: float, value: float, verdict: str) -> None:
    """Standard error 1, normal: critical values 1.645 of a 90% interval, 1.960 of a 95% one."""
    measure = TMeasure(float(value), 1.0, 1e9)
    assert rules.verdict(rule, rules.find(rule).test(measure, bound)) == verdict


def test_without_an_interval_a_rule_decides_nothing() -> None:
    single = TMeasure.of(np.array([99.0]))
    assert {rules.verdict(name, rule.test(single, 1.0)) for name, rule in rules.RULES.items()} == {"inconclusive"}


def test_an_unknown_rule_is_named() -> None:
    with pytest.raises(ResultsError, match="unknown rule 'better'; expected one of: reaches"):
        rules.find("better")


@pytest.mark.parametrize(("gain", "verdict"), [(12.0, "supported"), (4.0, "not supported")])
def test_a_margin_is_judged_on_its_own_dataset(tmp_path: Path, gain: float, verdict: str) -> None:
    study = ten_seeds(tmp_path, dataset="hopper-medium-v2", algorithm=WITH_BASELINES, set=FULL)
    fill(study, tuple(WITH_BASELINES.split(",")), shifted({"qdot": gain, "bc": -20.0, "td3_bc": -20.0, "bc10": -20.0}))
    claim = judged(study)[2]
    assert claim["verdict"] == verdict
    assert claim["measured"] == pytest.approx(gain)
    assert (claim["low"], claim["high"]) == pytest.approx((gain, gain))  # seeds share their noise: pairs cancel it
    assert (claim["datasets"], claim["seeds"]) == (["hopper-medium-v2"], 10)
    assert any("best baseline iql" in note for note in claim["notes"])


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({}, "5 seeds, fewer than the 10"),
        ({"set": {"train.steps": 20000}}, "20,000 training steps, fewer than 1,000,000"),
    ],
)
def test_a_small_study_decides_nothing(tmp_path: Path, config: dict[str, Any], reason: str) -> None:
    study = new_study(
        tmp_path, "paper", **{"dataset": "kitchen-partial-v0", "algorithm": "qdot,iql", "set": FULL, **config}
    )
    fill(study, score=shifted({"qdot": 25.0}))
    claim = judged(study)[3]
    assert claim["verdict"] == "inconclusive"
    assert any(reason in note for note in claim["notes"])
    assert any("would be: supported" in note for note in claim["notes"])


def test_a_part_of_the_datasets_decides_nothing_about_all(tmp_path: Path) -> None:
    study = new_study(tmp_path, "paper", dataset="hopper-medium-v2,kitchen-mixed-v0", algorithm="qdot,iql", set=FULL)
    fill(study, score=shifted({"qdot": 5.0}))
    claim = judged(study)[1]
    assert claim["verdict"] == "inconclusive"
    assert any("2 of the 18 datasets" in note for note in claim["notes"])


def test_stand_ins_are_never_the_papers_datasets(tmp_path: Path) -> None:
    study = new_study(tmp_path, "quick")
    fill(study, score=shifted({"qdot": 30.0}))
    found = judged(study)
    assert {claim["verdict"] for claim in found.values()} == {"inconclusive", "not tested"}
    assert found[1]["datasets"] == ["pointmaze-umaze", "halfcheetah-replay"]  # pendulum enters no claim
    assert any("Stand-ins" in note for note in found[1]["notes"])


@pytest.mark.parametrize(
    ("claim", "reason"),
    [(2, "hopper-medium-v2 not in this study"), (4, "algorithm adversarial is not in this study"), (6, "6 datasets")],
)
def test_what_was_not_run_is_not_tested(tmp_path: Path, claim: int, reason: str) -> None:
    study = new_study(tmp_path, "kitchen", algorithm="qdot,iql,bc", seed="0")
    fill(study)
    found = judged(study)[claim]
    assert found["verdict"] == "not tested"
    assert found["measured"] is None
    assert reason in found["notes"][0]


def test_the_map_on_halfcheetah_is_judged_under_the_two_other_scales_only(tmp_path: Path) -> None:
    study = new_study(tmp_path, "quick")
    fill(study)
    assert "gradient_norm" in judged(study)[7]["notes"][0]
    other = new_study(tmp_path / "other", "quick", set={"algorithms.qdot.q_scale": "one"})
    fill(other)
    claim = judged(other)[7]
    assert "gradient_norm" not in claim["notes"][0]
    assert claim["measured"] > 0
    assert claim["verdict"] == "inconclusive"
    assert any("Not run with q_scale = mean_q" in note for note in claim["notes"])


def test_a_margin_over_too_few_baselines_decides_nothing(tmp_path: Path) -> None:
    study = new_study(tmp_path, "paper", dataset="hopper-medium-v2", algorithm="qdot,iql,bc", set=FULL)
    fill(study, score=shifted({"qdot": 30.0}))
    claim = judged(study)[2]
    assert claim["verdict"] == "inconclusive"
    assert "Baselines without a score here: bc10, td3_bc." in claim["notes"]


def test_antmaze_v0_stands_in_only_where_v2_was_not_run(tmp_path: Path) -> None:
    study = new_study(tmp_path, "paper_v0", algorithm=WITH_BASELINES, set=FULL)
    fill(study, tuple(WITH_BASELINES.split(",")), shifted({"qdot": 0.5}))
    claim = judged(study)[6]
    assert all(dataset.endswith("-v0") for dataset in claim["datasets"])
    assert claim["verdict"] == "supported"


def test_a_failed_competitor_leaves_nothing_to_compare(tmp_path: Path) -> None:
    study = new_study(tmp_path, "paper", dataset="hopper-medium-v2", algorithm="qdot,iql", set=FULL)
    fill(study, algorithms=("qdot",))
    claim = judged(study)[2]
    assert claim["verdict"] == "not tested"
    assert "no baseline has a score" in claim["notes"][0]


def test_steadier_training_is_seen(tmp_path: Path) -> None:
    study = new_study(tmp_path, "paper", dataset="hopper-medium-v2", algorithm="qdot,adversarial,bc", set=FULL)
    means = {"qdot": 60.0, "adversarial": 50.0, "bc": 10.0}
    fill(study, algorithms=("qdot", "adversarial", "bc"), score=lambda cell, readout: means[cell.algorithm])
    low, high = study.params["datasets"]["hopper-medium-v2"]["reference_scores"]
    for algorithm, swing in (("qdot", 0.0), ("adversarial", 10.0)):
        for seed in study.seeds:
            rows = [
                {"step": 100000 * k, "episode": e, "score": 50 + swing * (-1) ** k + (seed + e) * (-1) ** e}
                for k in range(1, 12)
                for e in range(4)
            ]
            frame = pd.DataFrame(rows).assign(dataset="hopper-medium-v2", algorithm=algorithm, seed=seed)
            frame = frame.assign(readout=study.resolved("hopper-medium-v2", algorithm)["primary_readout"], length=9)
            frame["return"], frame["success"] = low + (high - low) * frame["score"] / 100, ""
            folder = study.train_dir("hopper-medium-v2", algorithm, seed)
            frame.to_csv(folder / "evaluations.csv", index=False)
            vouch(folder)
    claim = judged(study)[4]
    assert claim["measured"] == pytest.approx(np.sqrt(1000 / 9))  # standard deviation of +-10 over ten evaluations
    assert claim["p"] == pytest.approx(1 / 32)  # of 32 sign flips of five seeds
    assert claim["verdict"] == "inconclusive"
    assert any("5 seeds, fewer than the 20" in note for note in claim["notes"])


def test_expectations_read_the_transport_tables_that_a_manifest_vouches_for(tmp_path: Path) -> None:
    study = new_study(tmp_path, "tiny")
    fill(study)
    shares = {("icnn", 64, "pushforward_share"): [0.9] * 10, ("affine", 64, "pushforward_share"): [0.7, 0.8] * 5}
    study.transport_dir.mkdir(parents=True)
    transport("lqr16", shares).to_csv(study.transport_dir / "lqr.csv", index=False)
    found = []
    for files in ({}, {"lqr.csv": "0" * 64}):
        write_json(study.transport_dir / "manifest.json", {"status": "ok", "digest": "d" * 64, "files": files})
        found.append(expected(study, "few-samples"))
    assert found[0]["verdict"] == "not tested"
    assert "transport/lqr.csv: the suite's transport studies wrote no such table" in found[0]["notes"][0]
    assert found[1]["measured"] == pytest.approx(0.15)
    assert (found[1]["verdict"], found[1]["seeds"]) == ("supported", 10)
    assert (found[1]["run_commits"], found[1]["post_hoc"]) == ([], "unknown")
    write_json(study.transport_dir / "runtime.json", {"git_commit": "5eed", "finished": "2025-01-02T03:04:05Z"})
    assert expected(study, "few-samples")["run_commits"] == ["5eed"]


@pytest.mark.parametrize(("digest", "verdict"), [("d" * 64, "supported"), ("e" * 64, "not tested")])
def test_transport_tables_made_from_something_else_are_not_tested(tmp_path: Path, digest: str, verdict: str) -> None:
    study = new_study(tmp_path, "tiny")
    shares = {("icnn", 64, "pushforward_share"): [0.9] * 10, ("affine", 64, "pushforward_share"): [0.7, 0.8] * 5}
    study.transport_dir.mkdir(parents=True)
    transport("lqr16", shares).to_csv(study.transport_dir / "lqr.csv", index=False)
    write_json(
        study.transport_dir / "manifest.json", {"status": "ok", "digest": digest, "files": {"lqr.csv": "0" * 64}}
    )
    recipe = {"params": dict(study.params), "suite": "tiny", "subset": {}, "cells": [], "transport": "d" * 64}
    entry = expected(Study.from_recipe(recipe, tmp_path), "few-samples")
    assert entry["verdict"] == verdict
    assert any("made from other values or code" in note for note in entry["notes"]) == (verdict == "not tested")


@pytest.mark.parametrize("stage", ["compare", "report"])
def test_tables_ask_for_the_transport_studies_of_their_own_suite(tmp_path: Path, stage: str) -> None:
    study = new_study(tmp_path, "tiny")
    recipe = json.loads(json.dumps(table_recipe(study, stage)))
    assert Study.from_recipe(recipe, tmp_path).expected_transport == transport_recipe(study)["digest"]


def test_transport_studies_that_failed_are_not_tested(tmp_path: Path) -> None:
    study = new_study(tmp_path, "tiny")
    study.transport_dir.mkdir(parents=True)
    failed = {"status": "failed", "reason": "lqr: a defect", "files": {"lqr.csv": "0" * 64}}
    write_json(study.transport_dir / "manifest.json", failed)
    assert "ended with the status 'failed'" in expected(study, "few-samples")["notes"][0]


def test_claims_refer_to_deviations_that_exist() -> None:
    known = {entry.id for entry in read_deviations(TOP / "docs" / "deviations.md")}
    for claim in claims.load(TOP)["claims"]:
        assert set(claim["deviations"]) <= known, claim["id"]


def test_every_choice_of_ours_among_the_parameters_is_a_deviation() -> None:
    named = {key for entry in read_deviations(TOP / "docs" / "deviations.md") for key in entry.parameters}
    section = (TOP / "params.yaml").read_text().split("  qdot:\n")[1].split("\n  iql:")[0]
    chosen = {line.split(":")[0].strip() for line in section.splitlines() if "[C]" in line}
    assert chosen
    assert {f"algorithms.qdot.{key}" for key in chosen} <= named


def test_all_seven_claims_of_the_paper_are_there() -> None:
    assert [claim["id"] for claim in claims.load(TOP)["claims"]] == list(range(1, 8))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"quantity": "luck"}, "claim 1: unknown quantity 'luck'"),
        ({"rule": None}, "claims.0.rule: None is not of type"),
        ({"colour": "red"}, r"unknown: \['colour'\]"),
    ],
)
def test_a_broken_claim_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    content = yaml.safe_load((TOP / claims.CLAIMS).read_text())
    content["claims"][0] |= change
    path = tmp_path / claims.CLAIMS
    path.parent.mkdir(parents=True)
    shutil.copytree(TOP / "workflow/schemas", tmp_path / "workflow/schemas")
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ResultsError, match=message):
        claims.load(tmp_path)
