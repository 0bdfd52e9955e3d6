"""Counts of the page: by hand, of small tables."""

from pathlib import Path
from typing import Any

import pandas as pd
from fake_study import fill, new_study, write_status

from qdot.evaluation.compare import compare
from qdot.evaluation.costs import total_table
from qdot.evaluation.tallies import bound_table, gap_table, state_table
from qdot.study import Cell

FAILURE = {"stage": "train", "step": 120, "term": "q_loss", "error": "q_loss is <nan>", "log_tail": "Traceback"}


def facts(folder: Path) -> dict[str, str]:
    table = pd.read_csv(folder / "facts.csv", dtype=str)
    return dict(zip(table["quantity"], table["value"], strict=True))


def test_facts_count_cells_and_the_papers_pairs(tmp_path: Path) -> None:
    study = new_study(tmp_path, "paper", dataset="kitchen-mixed-v0,hopper-medium-v2", algorithm="qdot,bc,no_icnn")
    fill(study, algorithms=("qdot", "bc"))
    write_status(study, Cell("kitchen-mixed-v0", "bc", 1), "failed", FAILURE)
    compare(study)
    found = facts(study.compare_dir)
    counts = {name: int(found[name]) for name in ("cells", "cells_ok", "cells_failed", "cells_not_run")}
    assert counts == {"cells": 2 * 3 * 5, "cells_ok": 19, "cells_failed": 1, "cells_not_run": 10}
    assert (found["paper_pairs_here"], found["paper_pairs"]) == ("4", "144")
    assert found["paper_pairs_full"] == "3"  # bc on the kitchen has four seeds
    assert found["confidence"] == "0.95"
    verdicts = [int(value) for name, value in found.items() if name.startswith("claims_")]
    claims = pd.read_json(study.compare_dir / "claims.json")
    assert sum(verdicts) == len(claims)
    assert int(found["claims_not_tested"]) == (claims["verdict"] == "not tested").sum()


def cells(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    columns = ["dataset", "algorithm", "seed", "stage", "status", "reason", "step", "term", "log_tail"]
    return pd.DataFrame(rows, columns=columns).astype({"step": "Int64"})


def test_failed_cells_are_grouped_by_cause_and_absent_ones_by_reason(tmp_path: Path) -> None:
    study = new_study(tmp_path, "quick")
    first, second = study.datasets[:2]
    rows = [
        (first, "bc", seed, "train", "failed", "train: it is <nan>", step, "q", "tail")
        for seed, step in ((0, 9), (1, 9), (2, 8))
    ]
    rows += [
        (name, "iql", seed, stage, "not run", "no result yet", None, None, None)
        for name in (first, second)
        for seed in (0, 1)
        for stage in ("train", "evaluate")
    ]
    table = gap_table(study, cells(rows))
    assert table[["status", "algorithm", "dataset", "seed_list", "cells", "datasets"]].values.tolist() == [
        ["failed", "bc", first, "0 1", 2, 1],
        ["failed", "bc", first, "2", 1, 1],
        ["not run", "iql", f"{first} {second}", "0 1", 4, 2],
    ]
    assert table["step"].tolist()[:2] == [9, 8]


def test_variants_of_a_grid_share_a_row(tmp_path: Path) -> None:
    study = new_study(tmp_path, "sensitivity", dataset="pointmaze-umaze", seed="0,1")
    swept = [name for name in study.algorithms if study.swept_from(name) == "qdot"]
    rows = [
        ("pointmaze-umaze", name, seed, "evaluate", "ok", None, None, None, None)
        for name in ("qdot", *swept)
        for seed in (0, 1)
    ]
    rows[-1] = (*rows[-1][:4], "failed", "evaluate: no", None, None, None)
    table = state_table(study, cells(rows))
    assert table[["algorithm", "variants", "ok", "failed", "not_run"]].values.tolist() == [
        ["qdot", 0, 2, 0, 0],
        ["qdot", len(swept), 2 * len(swept) - 1, 1, 0],
    ]


def test_bounds_and_controls_are_counted_apart() -> None:
    table = pd.DataFrame(
        [("< 1", True, False), ("< 1", False, False), ("> 5", True, True), (None, None, False)],
        columns=["threshold", "passed", "control"],
    )
    assert bound_table({"own_loss": table}).values.tolist() == [["own_loss", 2, 1, 1, 1]]


def test_hours_add_up_by_dataset_and_stage() -> None:
    costs = pd.DataFrame(
        [("a", "train", 3600.0, 100, 10), ("a", "train", 1800.0, 300, None), (None, "transport", 720.0, 50, None)],
        columns=["dataset", "stage", "seconds", "peak_memory_mb", "worker_peak_memory_mb"],
    ).astype({"worker_peak_memory_mb": "Float64"})
    table = total_table(costs)
    assert table[["dataset", "stage", "jobs", "hours", "longest_hours", "peak_memory_mb"]].values.tolist()[0] == [
        "a",
        "train",
        2,
        1.5,
        1.0,
        300,
    ]
    assert table["hours"].tolist() == [1.5, 0.2]
