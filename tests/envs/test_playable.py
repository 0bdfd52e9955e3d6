"""pen loads and trains, but is not scored until somebody gives reference scores with a source."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from qdot import due, provenance, recipes
from qdot import params as parameters
from qdot.envs.playable import obstacle
from qdot.stages import evaluate
from qdot.study import Cell, Study

TOP = Path(__file__).parents[2]
PEN = {"source": "d4rl", "environment": "Pendulum-v1"}  # an environment that is always there stands in for the hand
GIVEN = {"reference_scores": [1.0, 2.0], "reference_source": "a table"}


def test_a_d4rl_dataset_needs_both_references() -> None:
    assert obstacle(PEN).startswith("no reference_scores and no reference_source in the dataset's block")
    assert obstacle(PEN | {"reference_scores": [1.0, 2.0]}).startswith("no reference_source in")
    assert obstacle(PEN | GIVEN) == ""


def test_other_data_may_report_raw_returns() -> None:
    assert obstacle({"source": "file", "environment": "Pendulum-v1"}) == ""
    assert obstacle({"source": "file"}) == "the dataset names no environment"
    assert "qdot/nowhere" in obstacle({"source": "file", "environment": "qdot/nowhere"})


def test_every_d4rl_dataset_of_the_study_can_be_scored() -> None:
    params = parameters.load(TOP)
    for name, block in params["datasets"].items():
        values = parameters.resolve(params, "paper", name, "bc").values["data"]
        if values["source"] == "d4rl":
            assert block["reference_scores"], name
            assert block["reference_source"], name


@pytest.mark.parametrize(("references", "blocked"), [({}, True), (GIVEN, False)])
def test_evaluation_says_why_it_was_not_run(references: dict[str, Any], blocked: bool) -> None:
    written: list[tuple[Any, ...]] = []
    job = SimpleNamespace(
        recipe={"params": {"data": PEN | references}},
        source_manifest=lambda seed: {"status": "ok"},
        finish=lambda *arguments: written.append(arguments),
    )
    assert evaluate._is_blocked(job, 3) is blocked  # type: ignore[arg-type]
    if blocked:
        ((seed, status, reason),) = written
        assert (seed, status) == (3, "not run")
        assert reason.startswith("evaluate: no reference_scores and no reference_source")


def test_such_a_cell_is_not_due_until_references_are_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "workflow").symlink_to(TOP / "workflow")
    monkeypatch.chdir(tmp_path)

    def study(references: dict[str, Any]) -> Study:
        params = parameters.load(TOP)
        params["datasets"]["pen-human-v1"] = {"domain": "kitchen", "environment": "Pendulum-v1", **references}
        params["suites"]["tiny"]["datasets"] = ["pen-human-v1"]
        return Study.from_config({**params, "suite": "tiny"})

    cell = Cell("pen-human-v1", "bc", 0)
    without, given = study({}), study(GIVEN)
    recipe = recipes.evaluate_recipe(without, cell.dataset, cell.algorithm)
    digest = recipes.seed_digest(recipe["digest"], 0)
    trained = {"digest": "t", "status": "ok", "files": {"policy.safetensors": "p"}}
    provenance.write_json(without.cell_dir("train", cell) / "manifest.json", trained)
    found = {"digest": digest, "status": "not run", "reason": "evaluate: none", "files": {}, "inputs": {"source": "p"}}
    provenance.write_json(without.cell_dir("evaluate", cell) / "manifest.json", found)
    assert due.cell_is_current(without, recipe, cell)
    assert not due.cell_is_current(given, recipes.evaluate_recipe(given, cell.dataset, cell.algorithm), cell)
