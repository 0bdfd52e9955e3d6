"""The score table shows one protocol, the one that is named; each protocol keeps its own numbers."""

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fake_study import fill, new_study, vouch
from report_page import section

from qdot import params
from qdot.errors import ParamsError
from qdot.evaluation.compare import compare
from qdot.reporting.render import render
from qdot.study import Study

DATASET = "pendulum-tiny"


def with_headline(root: Path, protocol: Any) -> Study:
    found = params.load(new_study(root, "tiny").root)
    study = new_study(root, "tiny", compare={**found["compare"], "headline": protocol})
    fill(study)
    for cell in study.cells():
        early_peak(study.cell_dir("train", cell) / "evaluations.csv")
    compare(study)
    return study


def early_peak(path: Path) -> None:
    """Let the first of two evaluations be the best and the last one poor, so that protocols can be told apart."""
    frame = pd.read_csv(path)
    first = frame["step"] == frame["step"].min()
    frame["score"], frame["return"] = first * 60.0 + 21.0, first * 600.0
    frame.to_csv(path, index=False)
    vouch(path.parent)


@pytest.mark.parametrize("protocol", ["final", "last", "best"])
def test_the_score_table_and_the_metrics_show_the_named_protocol(tmp_path: Path, protocol: str) -> None:
    study = with_headline(tmp_path, protocol)
    scores = section(render(study).read_text(), "scores").text
    assert f"Here: {protocol}" in scores
    summary = pd.read_csv(study.compare_dir / "summary.csv").query("metric == 'mean' and algorithm == 'qdot'")
    means = summary[summary["readout"] == "map"].set_index("protocol")["value"]
    assert (means["last"], means["best"]) == (21.0, 81.0)
    assert f"{means[protocol]:.1f}" in re.findall(r"\d+\.\d", scores)
    metrics = json.loads((study.compare_dir / "metrics.json").read_text())
    assert metrics[DATASET]["qdot"]["map"] == pytest.approx(means[protocol])
    assert ("Claims are judged by the protocol final" in scores) == (protocol != "final")


def test_the_other_protocols_stand_in_a_table_of_their_own(tmp_path: Path) -> None:
    page = section(render(with_headline(tmp_path, "last")).read_text(), "protocols").text
    assert "Dataset Algorithm final last best mean10" in page


def test_the_headline_changes_no_verdict_and_no_difference(tmp_path: Path) -> None:
    folders = [with_headline(tmp_path / name, name).compare_dir for name in ("final", "best")]
    for name in ("scores.csv", "summary.csv", "differences.csv", "profiles.csv", "claims.json"):
        first, second = ((folder / name).read_bytes() for folder in folders)
        assert first == second, name


def test_an_unknown_protocol_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match=r"compare\.headline"):
        with_headline(tmp_path, "median")
