"""Strengths side by side: which run is fixed, whose is the domain's, and that the oracle is the highest."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from fake_study import new_study

from qdot.evaluation.strengths import strength_table

SCORES = {
    "qdot": 40.0,
    "qdot-transport_weight-0.5": 30.0,
    "qdot-transport_weight-2.0": 55.0,
    "qdot-expectile-0.8": 90.0,  # it varies another value alone: no strength
}


def summary(dataset: str, scores: Mapping[str, float] = SCORES, readout: str = "map") -> pd.DataFrame:
    rows = [
        {"dataset": dataset, "algorithm": name, "readout": readout, "protocol": "final", "metric": "mean"}
        | {"value": score, "low": score - 5, "high": score + 5, "seeds": 2, "episodes": 60}
        for name, score in scores.items()
    ]
    return pd.DataFrame(rows)


def test_fixed_domain_and_oracle_are_told_apart(tmp_path: Path) -> None:
    study = new_study(tmp_path, "sensitivity", set={"algorithms.qdot.transport_weight": 4.0})
    table = strength_table(study, summary("halfcheetah-replay"))
    assert set(table["dataset"]) == {"halfcheetah-replay"}
    found = {row.kind: (row.variant, row.transport_weight, row.value) for row in table.itertuples()}
    assert found == {
        "domain": ("qdot", 4.0, 40.0),
        "oracle": ("qdot-transport_weight-2.0", 2.0, 55.0),
    }  # alpha = 1 was not run here


def test_the_domains_own_strength_may_be_the_fixed_one(tmp_path: Path) -> None:
    study = new_study(tmp_path, "sensitivity", set={"algorithms.qdot.transport_weight": 1.0})
    table = strength_table(study, summary("pointmaze-umaze"))
    found = {row.kind: row.variant for row in table.itertuples()}
    assert found == {"fixed": "qdot", "domain": "qdot", "oracle": "qdot-transport_weight-2.0"}


def test_a_single_strength_is_no_comparison(tmp_path: Path) -> None:
    rows = summary("pointmaze-umaze")
    assert strength_table(new_study(tmp_path, "sensitivity"), rows[rows["algorithm"] == "qdot"]).empty
    assert strength_table(new_study(tmp_path, "quick"), rows).empty


def kinds(table: pd.DataFrame) -> dict[str, Any]:
    return {row.kind: (row.variant, row.others, row.value) for row in table.itertuples()}


def test_the_best_of_a_sweep_is_looked_for_under_every_second_value_which_is_named(tmp_path: Path) -> None:
    study = new_study(
        tmp_path, "tuning", set={"algorithms.prox.transport_weight": 0.2, "algorithms.prox.prox_steps": 5}
    )
    scores = {f"prox-transport_weight-{a}-prox_steps-{k}": 10 * a + k for a in (0.2, 1.0, 4.0) for k in (5, 20)}
    assert kinds(strength_table(study, summary("pointmaze-umaze", scores, "policy"))) == {
        "fixed": ("prox-transport_weight-1.0-prox_steps-5", "prox_steps 5", 15.0),
        "domain": ("prox-transport_weight-0.2-prox_steps-5", "prox_steps 5", 7.0),
        "oracle": ("prox-transport_weight-4.0-prox_steps-20", "prox_steps 20", 60.0),
    }


def test_a_rung_that_is_a_variant_itself_has_a_sweep_of_its_own(tmp_path: Path) -> None:
    study = new_study(tmp_path, "tuning", set={"algorithms.no_icnn_a.transport_weight": 4.0})
    scores = {f"{of}-transport_weight-{a}": a for of in ("no_icnn_a", "no_icnn") for a in (1.0, 4.0)}
    table = strength_table(study, summary("halfcheetah-replay", scores))
    assert list(table["algorithm"].unique()) == ["no_icnn_a", "no_icnn"]
    found = kinds(table[table["algorithm"] == "no_icnn_a"])
    assert found["domain"] == ("no_icnn_a-transport_weight-4.0", "", 4.0)
    assert found["fixed"] == ("no_icnn_a-transport_weight-1.0", "", 1.0)


def test_a_sweep_without_a_strength_has_an_oracle_and_no_fixed_strength(tmp_path: Path) -> None:
    study = new_study(tmp_path, "tuning")
    scores = {"iql-temperature-3.0-expectile-0.7": 20.0, "iql-temperature-1.0-expectile-0.9": 30.0, "bc": 5.0}
    table = strength_table(study, summary("pointmaze-umaze", scores, "policy"))
    assert table["transport_weight"].isna().all()
    found = kinds(table)
    assert found["oracle"] == ("iql-temperature-1.0-expectile-0.9", "expectile 0.9, temperature 1.0", 30.0)
    assert set(found) <= {"domain", "oracle"}


def test_a_variant_by_hand_that_differs_in_strength_alone_is_of_its_methods_sweep(tmp_path: Path) -> None:
    study = new_study(tmp_path, "decisive")
    table = strength_table(study, summary("halfcheetah-replay", {"qdot": 24.0, "qdot_fixed": 6.0, "no_icnn_a": 30.0}))
    assert {row.kind: (row.algorithm, row.variant) for row in table.itertuples()} == {
        "fixed": ("qdot", "qdot_fixed"),
        "domain": ("qdot", "qdot"),
        "oracle": ("qdot", "qdot"),
    }


def test_every_method_that_the_tuning_sweeps_has_its_rows(tmp_path: Path) -> None:
    study = new_study(tmp_path, "tuning")
    rows = [
        summary(d, {a: 1.0}, study.resolved(d, a)["primary_readout"]) for d in study.datasets for a in study.algorithms
    ]
    table = strength_table(study, pd.concat(rows))
    swept = {study.swept_from(name) for name in study.algorithms} - {None}
    for dataset in study.datasets:
        assert set(table.loc[table["dataset"] == dataset, "algorithm"]) == swept
        assert set(table.loc[(table["dataset"] == dataset) & (table["kind"] == "oracle"), "algorithm"]) == swept
