"""A policy's card: metadata that parses, the cell's own numbers, and use that runs."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from fake_study import fill, new_study, write_status

from qdot.errors import ResultsError
from qdot.reporting.card import card
from qdot.study import Cell, Study

CELL = Cell("pendulum-tiny", "qdot", 1)
DESCRIPTION = {"step": 200, "observation_dim": 3, "action_dim": 1}


@pytest.fixture
def study(tmp_path: Path) -> Study:
    found = new_study(tmp_path, "tiny")
    fill(found)
    return found


def metadata(text: str) -> dict[str, Any]:
    _, block, _ = text.split("---\n", 2)
    return yaml.safe_load(block)


def test_the_metadata_holds_the_primary_readouts_mean_and_spread(study: Study) -> None:
    found = metadata(card(study, CELL, DESCRIPTION))
    (entry,) = found["model-index"]
    (result,) = entry["results"]
    episodes = pd.read_csv(study.cell_dir("evaluate", CELL) / "episodes.csv")
    returns = episodes.loc[episodes["readout"] == "map", "return"]
    assert result["metrics"][0]["value"] == f"{returns.mean():.2f} +/- {returns.std(ddof=1):.2f}"
    assert result["dataset"]["name"] == "Pendulum-v1"
    assert {"qdot", "pendulum-tiny"} <= set(found["tags"])


def test_every_readout_has_a_row(study: Study) -> None:
    text = card(study, CELL, DESCRIPTION)
    for readout in study.resolved(CELL.dataset, CELL.algorithm)["readouts"]:
        assert f"| `{readout}` | " in text
    assert "200 steps" in text


def test_a_cell_that_was_not_evaluated_says_why(study: Study) -> None:
    write_status(study, CELL, "not run", "no reference scores", stages=("evaluate",))
    text = card(study, CELL, DESCRIPTION)
    assert "Not evaluated: no reference scores." in text
    assert "model-index" not in metadata(text)


def test_an_untrained_cell_has_no_card(study: Study) -> None:
    write_status(study, CELL, "failed", {"error": "policy_loss is not finite"})
    with pytest.raises(ResultsError, match="failed; expected a trained cell"):
        card(study, CELL, DESCRIPTION)
