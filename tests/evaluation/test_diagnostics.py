"""Diagnostics and failure signs of a study, gathered from cells whose numbers were written by hand."""

from pathlib import Path

import pytest
from fake_study import fill, new_study
from scipy import stats

from qdot.evaluation.diagnostics import diagnose
from qdot.evaluation.tables import DIAGNOSTIC_COLUMNS, write_rows
from qdot.provenance import hash_files, read_json, write_json
from qdot.study import Cell, Study

VALUES = {0: 1.0, 1: 4.0}


def inscribe(study: Study, cell: Cell, value: float) -> None:
    """Give an evaluated cell a diagnostics.csv of one number, and both its stages a failure sign."""
    folder = study.cell_dir("evaluate", cell)
    row = {**cell._asdict(), "readout": "map", "quantity": "w2_squared", "value": value}
    write_rows(folder / "diagnostics.csv", DIAGNOSTIC_COLUMNS, [row])
    manifest = read_json(folder / "manifest.json")
    files = hash_files(folder, [*manifest["files"], "diagnostics.csv"])
    late = {"sign": "value over-estimation", "quantity": "map_value_overestimation_share", "value": 0.6}
    seen = [{**late, "threshold": 0.25}] if cell.seed == 1 else []
    write_json(folder / "manifest.json", {**manifest, "files": files, "signs": seen})
    trained = study.cell_dir("train", cell) / "manifest.json"
    sign = {"sign": "identity collapse", "quantity": "displacement_over_sd", "value": 0.01, "threshold": 0.05}
    write_json(trained, {**read_json(trained), "signs": [sign] if cell.seed == 1 else []})


@pytest.fixture
def study(tmp_path: Path) -> Study:
    made = new_study(tmp_path, "tiny")
    fill(made)
    for seed, value in VALUES.items():
        inscribe(made, Cell("pendulum-tiny", "qdot", seed), value)
    return made


def of_map(table: object) -> object:
    """Rows of the one quantity that was written here."""
    return table[(table["algorithm"] == "qdot") & (table["readout"] == "map") & (table["quantity"] == "w2_squared")]


def test_a_quantitys_mean_carries_its_t_interval_over_seeds(study: Study) -> None:
    found = diagnose(study, 0.95)
    assert of_map(found.diagnostics)["value"].tolist() == [1.0, 4.0]
    (row,) = of_map(found.diagnostics_summary).to_dict("records")
    half = stats.t.ppf(0.975, 1) * 1.5  # sd 2.1213 / sqrt(2)
    assert (row["value"], row["seeds"]) == (2.5, 2)
    assert (row["low"], row["high"]) == pytest.approx((2.5 - half, 2.5 + half))


def test_a_sign_is_listed_with_its_cell_and_threshold(study: Study) -> None:
    signs = diagnose(study, 0.95).signs
    row, late = signs[signs["algorithm"] == "qdot"].to_dict("records")
    assert (row["dataset"], row["seed"], row["sign"]) == ("pendulum-tiny", 1, "identity collapse")
    assert (row["value"], row["threshold"]) == (0.01, 0.05)
    assert (late["dataset"], late["seed"], late["sign"]) == ("pendulum-tiny", 1, "value over-estimation")
    assert (late["value"], late["threshold"]) == (0.6, 0.25)


def test_a_study_without_results_has_empty_tables(tmp_path: Path) -> None:
    found = diagnose(new_study(tmp_path, "tiny"), 0.95)
    assert all(table.empty for table in found)
    assert "threshold" in found.signs
