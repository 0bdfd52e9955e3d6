"""Tables against hand-computed values, with failed, missing and damaged cells, and without reference scores."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fake_study import TOP, fill, new_study, vouch, write_cell, write_status
from scipy import stats

from qdot.algorithms import registry
from qdot.errors import ResultsError
from qdot.evaluation.compare import compare
from qdot.provenance import read_json, write_manifest
from qdot.results import load
from qdot.study import Cell, Study

DATASET = "pendulum-tiny"
FAILURE = {"stage": "train", "step": 120, "term": "q_loss", "error": "q_loss is nan", "log_tail": "line 1\nline 2"}


def table(study: Study, name: str) -> pd.DataFrame:
    return pd.read_csv(study.compare_dir / f"{name}.csv")


@pytest.fixture
def tiny(tmp_path: Path) -> Study:
    study = new_study(tmp_path, "tiny")
    fill(study, score=lambda cell, readout: {"qdot": 60.0, "iql": 50.0, "bc": 40.0}[cell.algorithm] + 4 * cell.seed)
    return study


def test_scores_are_the_means_of_the_episodes(tiny: Study) -> None:
    compare(tiny)
    scores = table(tiny, "scores")
    assert list(scores.columns) == [
        "dataset",
        "algorithm",
        "readout",
        "seed",
        "protocol",
        "score",
        "episodes",
        "status",
    ]
    final = scores[(scores["protocol"] == "final") & (scores["readout"] == "map")]
    assert list(final["score"]) == pytest.approx([60.0, 64.0])
    assert list(final["episodes"]) == [4, 4]
    statuses = scores.groupby("protocol")["status"].agg(set).to_dict()
    assert statuses == {"final": {"ok"}, "last": {"ok"}, "best": {"ok"}, "mean10": {"not run"}}  # fewer than ten


def test_protocols_read_the_evaluations_during_training(tmp_path: Path) -> None:
    study = new_study(tmp_path, "tiny", algorithm="bc", seed="0")
    fill(study, score=lambda cell, readout: 50.0)
    path = study.train_dir(DATASET, "bc", 0) / "evaluations.csv"
    steps = list(range(1, 13))
    points = [10, 90, *range(20, 30)]  # twelve evaluations: the best early, the last ten from 20 to 29
    rows = [
        f"{DATASET},bc,0,policy,{s},{e},0,200,,{p + e}" for s, p in zip(steps, points, strict=True) for e in (-1, 1)
    ]
    path.write_text(
        "dataset,algorithm,seed,readout,step,episode,return,length,success,score\n" + "\n".join(rows) + "\n"
    )
    frame = pd.read_csv(path)
    frame.assign(**{"return": frame["score"]}).to_csv(path, index=False)
    vouch(path.parent)
    compare(study)
    scores = table(study, "scores").set_index("protocol")
    assert dict(scores["score"]) == pytest.approx({"final": 50.0, "last": 29.0, "best": 90.0, "mean10": 24.5})
    assert dict(scores["episodes"]) == {"final": 4, "last": 2, "best": 2, "mean10": 20}


def test_scores_during_training_follow_from_returns_where_the_file_has_none(tiny: Study) -> None:
    path = tiny.train_dir(DATASET, "bc", 0) / "evaluations.csv"
    pd.read_csv(path).assign(score=np.nan).to_csv(path, index=False)
    vouch(path.parent)
    compare(tiny)
    scores = table(tiny, "scores").set_index(["algorithm", "seed", "protocol"])["score"]
    assert scores["bc", 0, "last"] == pytest.approx(40.0)


def test_summary_recomputes_from_scores(tiny: Study) -> None:
    compare(tiny)
    rows = table(tiny, "summary").set_index(["dataset", "algorithm", "readout", "protocol", "metric"])
    mean = rows.loc[DATASET, "qdot", "map", "final", "mean"]
    half = stats.t.ppf(0.975, 1) * np.std([60, 64], ddof=1) / np.sqrt(2)
    assert list(mean) == pytest.approx([62.0, 62.0 - half, 62.0 + half, 2, 8])
    assert rows.loc[DATASET, "iql", "policy", "final", "probability_of_improvement"]["value"] == 1.0
    assert rows.loc[DATASET, "bc", "policy", "final", "iqm"]["value"] == pytest.approx(42.0)


def test_means_over_datasets_take_common_datasets_only(tmp_path: Path) -> None:
    study = new_study(tmp_path, "quick")
    fill(study, score=lambda cell, readout: 10.0 * len(cell.dataset) if cell.algorithm == "qdot" else 30.0)
    for seed in study.seeds:
        write_status(study, Cell("pendulum", "bc", seed), "failed", FAILURE)
    compare(study)
    summary = table(study, "summary")
    rows = summary[(summary["dataset"] == "all") & (summary["protocol"] == "final")]
    mean = rows[(rows["metric"] == "mean") & (rows["readout"] == "map")].iloc[0]
    assert mean["value"] == pytest.approx((150 + 180) / 2)  # pointmaze-umaze, halfcheetah-replay; not pendulum
    coverage = table(study, "coverage").query("protocol == 'final'").set_index("dataset")
    assert dict(coverage["included"]) == {"pointmaze-umaze": True, "halfcheetah-replay": True, "pendulum": False}
    assert coverage.loc["pendulum", "missing"] == "bc"


def test_a_failed_seed_is_a_row_and_no_number(tiny: Study) -> None:
    write_status(tiny, Cell(DATASET, "iql", 1), "failed", FAILURE)
    compare(tiny)
    scores = table(tiny, "scores")
    failed = scores[(scores["algorithm"] == "iql") & (scores["seed"] == 1)]
    assert set(failed["protocol"]) == {"final", "last", "best", "mean10"}
    assert set(failed["status"]) == {"failed"}
    assert failed["score"].isna().all()
    assert failed["episodes"].isna().all()
    others = scores[(scores["algorithm"] == "iql") & (scores["seed"] == 0)]
    assert set(others.query("protocol != 'mean10'")["status"]) == {"ok"}
    cell = table(tiny, "cells").query("algorithm == 'iql' and seed == 1 and stage == 'train'").iloc[0]
    assert (cell["reason"], cell["step"], cell["term"]) == ("train: q_loss is nan", 120, "q_loss")
    assert cell["log_tail"] == "line 1\nline 2"
    summary = table(tiny, "summary").query("algorithm == 'iql' and protocol == 'final' and metric == 'mean'").iloc[0]
    assert summary["seeds"] == 1
    assert np.isnan(summary["low"])


def test_a_failed_evaluation_keeps_the_protocols_of_training(tiny: Study) -> None:
    write_status(tiny, Cell(DATASET, "bc", 0), "failed", {**FAILURE, "stage": "evaluate"}, stages=("evaluate",))
    compare(tiny)
    rows = table(tiny, "scores").query("algorithm == 'bc' and seed == 0").set_index("protocol")["status"]
    assert dict(rows) == {"final": "failed", "last": "ok", "best": "ok", "mean10": "not run"}


def test_nothing_trained_gives_tables_of_not_run(tmp_path: Path) -> None:
    study = new_study(tmp_path, "tiny")
    compare(study)
    scores = table(study, "scores")
    assert set(scores["status"]) == {"not run"}
    assert scores["score"].isna().all()
    assert len(table(study, "summary")) == 0
    assert json.loads((study.compare_dir / "metrics.json").read_text()) == {}


def test_an_algorithm_that_is_not_built_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "names", lambda: ("bc", "iql"))
    study = new_study(tmp_path, "paper", dataset="kitchen-mixed-v0", algorithm="bc,no_icnn", seed="0")
    fill(study)
    compare(study)
    cells = table(study, "cells").set_index(["algorithm", "stage"])
    assert cells.loc[("no_icnn", "train"), "status"] == "not run"
    assert cells.loc[("no_icnn", "train"), "reason"] == "algorithm 'no_icnn' is not built yet"


def test_without_reference_scores_there_is_a_raw_return_and_no_score(tmp_path: Path) -> None:
    study = new_study(tmp_path, "tiny")
    study.params["datasets"][DATASET]["reference_scores"] = None
    fill(study, score=lambda cell, readout: 70.0 + cell.seed)
    compare(study)
    scores = table(study, "scores")
    assert scores["score"].isna().all()
    assert set(scores.query("protocol != 'mean10'")["status"]) == {"ok"}
    summary = table(study, "summary").query("metric == 'return' and protocol == 'final' and algorithm == 'bc'")
    assert list(summary["value"]) == pytest.approx([70.5])
    assert set(table(study, "returns")["protocol"]) == {"final", "last", "best"}


def test_metrics_are_nested_numbers_that_dvc_can_show(tiny: Study) -> None:
    compare(tiny)
    metrics = json.loads((tiny.compare_dir / "metrics.json").read_text())
    assert metrics[DATASET]["qdot"]["map"] == pytest.approx(62.0)
    assert metrics[DATASET]["bc"] == {"policy": pytest.approx(42.0)}


def test_equal_cells_give_equal_bytes(tmp_path: Path) -> None:
    folders = []
    for name in ("one", "two"):
        study = new_study(tmp_path / name, "quick")
        fill(study)
        compare(study)
        folders.append({path.name: path.read_bytes() for path in sorted(study.compare_dir.iterdir())})
    assert folders[0] == folders[1]
    assert {"scores.csv", "summary.csv", "claims.json", "metrics.json"} <= set(folders[0])


def test_one_estimate_does_not_depend_on_what_else_is_compared(tmp_path: Path) -> None:
    values = []
    for config in ({}, {"dataset": "pendulum", "algorithm": "qdot,bc"}):
        study = new_study(tmp_path / str(len(config)), "quick", **config)
        fill(study)
        compare(study)
        rows = table(study, "summary").query("dataset == 'pendulum' and algorithm == 'bc' and protocol == 'final'")
        values.append(rows.to_csv(index=False))
    assert values[0] == values[1]


def test_a_subset_is_written_apart(tmp_path: Path) -> None:
    study = new_study(tmp_path, "quick", dataset="pendulum")
    fill(study)
    compare(study)
    assert study.compare_dir == tmp_path / "results" / "subsets" / "quick-pendulum" / "compare"
    assert set(load("quick-pendulum", tmp_path)["dataset"]) == {"pendulum"}


def test_curves_are_thinned_and_keep_their_ends(tiny: Study) -> None:
    compare(tiny)
    curves = table(tiny, "curves").query("algorithm == 'qdot' and seed == 0 and quantity == 'transport_cost'")
    full = pd.read_csv(tiny.train_dir(DATASET, "qdot", 0) / "curve.csv")
    assert len(full) > len(curves) == 100
    assert (curves["step"].iloc[0], curves["step"].iloc[-1]) == (full["step"].iloc[0], full["step"].iloc[-1])


def test_trajectories_are_means_over_seeds(tiny: Study) -> None:
    compare(tiny)
    rows = table(tiny, "trajectories").query("algorithm == 'iql' and quantity == 'score'")
    assert rows["value"].iloc[-1] == pytest.approx(52.0)
    assert set(rows["seeds"]) == {2}


@pytest.mark.parametrize("name", ["episodes.csv", "evaluations.csv", "curve.csv"])
@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_text(path.read_text().replace("4", "5", 1))])
def test_a_cell_whose_table_is_missing_or_changed_is_failed_and_the_others_stay(
    tiny: Study, name: str, damage: Callable[[Path], object]
) -> None:
    compare(tiny)
    before = table(tiny, "scores").query("not (algorithm == 'bc' and seed == 0)")
    stage = "evaluate" if name == "episodes.csv" else "train"
    damage(tiny.cell_dir(stage, Cell(DATASET, "bc", 0)) / name)
    compare(tiny)
    scores = table(tiny, "scores")
    pd.testing.assert_frame_equal(scores.query("not (algorithm == 'bc' and seed == 0)"), before, check_index_type=False)
    rows = table(tiny, "cells").query("algorithm == 'bc' and seed == 0 and stage == @stage")
    assert list(rows["status"]) == ["failed"]
    assert f"{name} differ from what the manifest records; the next run makes the cell again" in rows["reason"].item()


def test_a_cell_whose_manifest_changed_since_it_was_sealed_is_failed(tiny: Study) -> None:
    path = tiny.train_dir(DATASET, "bc", 0) / "manifest.json"
    write_manifest(path, read_json(path))
    path.write_text(path.read_text().replace("2.13.0", "2.12.0"))
    compare(tiny)
    (row,) = table(tiny, "cells").query("algorithm == 'bc' and seed == 0 and stage == 'train'").itertuples()
    assert row.status == "failed"
    assert "manifest.json: is damaged" in row.reason


def test_a_damaged_table_is_named_with_its_columns(tiny: Study) -> None:
    path = tiny.evaluate_dir(DATASET, "bc", 0) / "episodes.csv"
    path.write_text("dataset,algorithm\nx,y\n")
    vouch(path.parent)
    with pytest.raises(ResultsError, match="columns seed, readout"):
        compare(tiny)


def test_an_empty_evaluations_file_is_no_error(tiny: Study) -> None:
    path = tiny.train_dir(DATASET, "bc", 0) / "evaluations.csv"
    path.write_text(path.read_text().splitlines()[0] + "\n")
    vouch(path.parent)
    compare(tiny)
    rows = table(tiny, "scores").query("algorithm == 'bc' and seed == 0").set_index("protocol")["status"]
    assert dict(rows) == {"final": "ok", "last": "not run", "best": "not run", "mean10": "not run"}


def test_a_cell_that_was_retried_replaces_its_failure(tiny: Study) -> None:
    cell = Cell(DATASET, "bc", 0)
    write_status(tiny, cell, "failed", FAILURE)
    compare(tiny)
    write_cell(tiny, cell, lambda cell, readout: 41.0)
    compare(tiny)
    assert set(table(tiny, "scores").query("protocol != 'mean10'")["status"]) == {"ok"}


def test_provenance_speaks_of_cells_that_ran(tiny: Study) -> None:
    write_status(tiny, Cell(DATASET, "bc", 0), "not run", "data: no dataset")
    compare(tiny)
    rows = table(tiny, "provenance")
    assert rows.query("algorithm == 'bc' and seed == 0").empty
    assert set(rows.query("field == 'versions.torch'")["value"]) == {"2.13.0"}
    assert {"runtime.device", "environment.id", "digest"} <= set(rows["field"])


def test_the_data_dictionary_names_every_table_and_column(tiny: Study) -> None:
    compare(tiny)
    text = (TOP / "docs" / "data-dictionary.md").read_text()
    for path in tiny.compare_dir.iterdir():
        assert f"**{path.name}**" in text, path.name
        if path.suffix == ".csv":
            part = text[text.index(f"**{path.name}**") :]
            part = part[: part.index("\n\n**", 2)] if "\n\n**" in part[2:] else part
            for column in pd.read_csv(path, nrows=0).columns:
                if path.name != "datasets.csv":  # whose facts are described with the dataset's manifest
                    assert re.search(rf"[`,\s]{column}[`,]", part), (path.name, column)
                else:
                    assert f"`{column}`" in text, column


def test_a_result_made_from_other_values_is_no_result(tiny: Study) -> None:
    manifest = read_json(tiny.train_dir(DATASET, "bc", 0) / "manifest.json")
    cells = [(stage, cell) for cell in tiny.cells() for stage in ("train", "evaluate")]
    expected = {(s, c): read_json(tiny.cell_dir(s, c) / "manifest.json")["digest"] for s, c in cells}
    assert expected["train", Cell(DATASET, "bc", 0)] == manifest["digest"]
    expected["evaluate", Cell(DATASET, "bc", 0)] = "of other values"
    compare(replace(tiny, expected=expected))
    scores = table(tiny, "scores").query("protocol == 'final' and algorithm == 'bc'").set_index("seed")
    assert dict(scores["status"]) == {0: "not run", 1: "ok"}
    assert np.isnan(scores.loc[0, "score"])
