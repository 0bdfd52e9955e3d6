"""`qdot params show`, `accept` and `prune` do what they say and no more."""

import logging
import shutil
from pathlib import Path

import pytest

from qdot import due, recipes
from qdot import params as parameters
from qdot.cli import main
from qdot.provenance import read_json, write_json
from qdot.study import Cell, Study

TOP = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(TOP / "params.yaml", tmp_path / "params.yaml")
    shutil.copytree(TOP / "workflow", tmp_path / "workflow")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def finished(checkout: Path) -> list[Path]:
    """Manifests of pendulum-tiny/iql as older code would have left them."""
    study = Study.from_config(parameters.load(), "tiny")
    paths = []
    for make in (recipes.train_recipe, recipes.evaluate_recipe):
        recipe = make(study, "pendulum-tiny", "iql")
        for seed in study.seeds:
            path = study.cell_dir(recipe["stage"], Cell("pendulum-tiny", "iql", seed)) / "manifest.json"
            write_json(path, {"status": "ok", "digest": "old", "params": recipe["params"], "files": {}, "inputs": {}})
            paths.append(path)
    return paths


def test_every_value_is_printed_with_its_origin(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["params", "show", "kitchen/kitchen-complete-v0/iql"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["algorithm_values.temperature", "0.5", "domain", "kitchen"] in lines
    assert ["train.steps", "20000", "suite", "kitchen"] in lines


@pytest.mark.parametrize("cell", ["kitchen", "kitchen/x/iql", "nope/pendulum/iql", "quick/pendulum/sac"])
def test_an_unknown_cell_is_an_error_and_no_traceback(checkout: Path, cell: str) -> None:
    assert main(["params", "show", cell]) == 2


def test_accept_stamps_todays_digest_and_keeps_the_reason(finished: list[Path]) -> None:
    assert main(["accept", "tiny/pendulum-tiny/iql", "--reason", "renamed a variable"]) == 0
    study = Study.from_config(parameters.load(), "tiny")
    recipe = recipes.train_recipe(study, "pendulum-tiny", "iql")
    manifest = read_json(finished[0])
    assert manifest["digest"] == recipes.seed_digest(recipe["digest"], 0)
    assert [(entry["from"], entry["reason"]) for entry in manifest["accepted"]] == [("old", "renamed a variable")]
    assert due.cell_is_current(study, recipe, Cell("pendulum-tiny", "iql", 0))


def test_accept_refuses_a_changed_value(finished: list[Path]) -> None:
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("    max_weight: 100.0 ", "    max_weight: 20.0 "))
    assert main(["accept", "tiny/pendulum-tiny/iql", "--reason", "no"]) == 2
    assert read_json(finished[0])["digest"] == "old"


def test_prune_lists_and_then_deletes_orphans_alone(finished: list[Path], caplog: pytest.LogCaptureFixture) -> None:
    orphan = finished[0].parents[1] / "seed77" / "manifest.json"
    write_json(orphan, {})
    with caplog.at_level(logging.INFO):
        assert main(["prune", "tiny"]) == 0
    assert orphan.exists()
    assert main(["prune", "tiny", "--yes"]) == 0
    assert not orphan.exists()
    assert all(path.exists() for path in finished)
