"""Strengths side by side: which run is fixed, whose is the domain's, and that the oracle is the highest."""

from pathlib import Path

import pandas as pd
from fake_study import new_study

from qdot.evaluation.strengths import strength_table

SCORES = {
    "qdot": 40.0,
    "qdot-transport_weight-0.5": 30.0,
    "qdot-transport_weight-2.0": 55.0,
    "qdot-expectile-0.8": 90.0,  # it varies another value: no strength
}


def summary(dataset: str) -> pd.DataFrame:
    rows = [
        {"dataset": dataset, "algorithm": name, "readout": "map", "protocol": "final", "metric": "mean", "value": score}
        | {"low": score - 5, "high": score + 5, "seeds": 2, "episodes": 60}
        for name, score in SCORES.items()
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
