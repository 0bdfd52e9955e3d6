"""A recipe is new exactly where work is due, and its digest knows what the work reads."""

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from qdot import due, external, provenance, recipes, replays
from qdot import params as parameters
from qdot.closure import import_closure
from qdot.errors import ResultsError
from qdot.study import Cell, Study

TOP = Path(__file__).parents[1]
DATASET, CELL = "pendulum-tiny", Cell("pendulum-tiny", "iql", 0)


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Study]:
    """Make a study of suite tiny in a folder of its own, with changed values."""
    for name in ("workflow", "reports/templates", "docs"):
        shutil.copytree(TOP / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)

    def make(change: Callable[[dict[str, Any]], Any] = lambda params: None) -> Study:
        params = parameters.load(TOP)
        change(params)
        return Study.from_config({**params, "suite": "tiny"})

    return make


def finish(study: Study, recipe: dict[str, Any], cell: Cell, **changes: Any) -> Path:
    """Write the manifest that a finished job would leave."""
    directory = study.cell_dir(recipe["stage"], cell)
    manifest = {"digest": recipes.seed_digest(recipe["digest"], cell.seed), "status": "ok", "files": {}}
    provenance.write_json(directory / "manifest.json", {**manifest, "inputs": {"source": None}, **changes})
    return directory


@pytest.mark.parametrize(
    ("change", "train", "evaluate"),
    [
        (lambda p: p["algorithms"]["iql"].update(max_weight=1.0), True, True),
        (lambda p: p["algorithms"]["bc"].update(actor_dropout=0.5), False, False),
        (lambda p: p["suites"]["tiny"]["train"].update(steps=210), True, True),
        (lambda p: p["suites"]["tiny"]["evaluate"].update(episodes=5), False, True),
        (lambda p: p["datasets"][DATASET].update(recipe_steps=4200), True, True),
        (lambda p: p["datasets"][DATASET].update(licence="other"), False, False),
        (lambda p: p["datasets"][DATASET].update(reference_scores=[0, 1]), False, True),
        (lambda p: p["report"].update(title="other"), False, False),
        (lambda p: p["data"].update(mirrors=[]), False, False),
    ],
)
def test_a_digest_changes_with_what_its_stage_reads(
    study: Callable[..., Study], change: Callable[[dict[str, Any]], Any], train: bool, evaluate: bool
) -> None:
    def digests(made: Study) -> tuple[str, str]:
        makers = (recipes.train_recipe, recipes.evaluate_recipe)
        return tuple(make(made, DATASET, "iql")["digest"] for make in makers)  # type: ignore[return-value]

    before, after = digests(study()), digests(study(change))
    assert (before[0] != after[0], before[1] != after[1]) == (train, evaluate)


def test_another_recipes_code_does_not_touch_a_file_dataset(study: Callable[..., Study]) -> None:
    kitchen = Study.from_config({**parameters.load(TOP), "suite": "kitchen"})
    digest = recipes.data_recipe(kitchen, "kitchen-complete-v0")
    modules, _ = import_closure(["qdot.data.prepare"], [recipes.COLLECT, *recipes.COLLECTORS.values()])
    assert not [name for name in modules if name.startswith(recipes.COLLECT)]
    assert digest["values"]["source"] == "d4rl"


@pytest.mark.parametrize(
    ("changes", "current"),
    [
        ({}, True),
        ({"status": "failed"}, False),
        ({"digest": "0" * 64}, False),
        ({"inputs": {"source": "another"}}, True),  # no dataset is there to compare with
        ({"files": {"policy.safetensors": "0"}}, False),
    ],
)
def test_a_cell_is_current_by_digest_status_and_files(
    study: Callable[..., Study], changes: dict[str, Any], current: bool
) -> None:
    made = study()
    recipe = recipes.train_recipe(made, DATASET, "iql")
    finish(made, recipe, CELL, **changes)
    assert due.cell_is_current(made, recipe, CELL) is current


def test_a_cell_made_from_other_data_is_not_current(study: Callable[..., Study]) -> None:
    made = study()
    recipe = recipes.train_recipe(made, DATASET, "iql")
    finish(made, recipe, CELL, inputs={"source": "old"})
    manifest = {"status": "ok", "files": {"arrays.safetensors": "new"}}
    provenance.write_json(made.data_dir(DATASET) / "manifest.json", manifest)
    assert not due.cell_is_current(made, recipe, CELL)


def test_a_recipe_is_old_where_nothing_is_due_and_new_where_a_cell_failed(study: Callable[..., Study]) -> None:
    made = study()
    recipe = recipes.train_recipe(made, DATASET, "iql")
    path = recipes.recipe_path(made, "train", DATASET, "iql")
    for seed in made.seeds:
        finish(made, recipe, Cell(DATASET, "iql", seed))
    due.write_recipes(made)
    assert os.stat(path).st_mtime == due.OLD
    output = finish(made, recipe, CELL, status="failed") / "manifest.json"
    due.write_recipes(made)
    assert os.stat(path).st_mtime_ns >= os.stat(output).st_mtime_ns
    assert json.loads(path.read_text())["digest"] == recipe["digest"]


def test_outputs_from_the_future_are_dated_now_and_a_due_recipe_after_them(study: Callable[..., Study]) -> None:
    made = study()
    recipe = recipes.train_recipe(made, DATASET, "iql")
    path = recipes.recipe_path(made, "train", DATASET, "iql")
    tomorrow = time.time() + 86400
    outputs = [finish(made, recipe, Cell(DATASET, "iql", seed)) / "manifest.json" for seed in made.seeds]
    failed = finish(made, recipe, CELL, status="failed") / "manifest.json"
    for output in outputs:
        os.utime(output, (tomorrow, tomorrow))
    due.write_recipes(made)
    assert failed in outputs
    newest = max(os.stat(output).st_mtime for output in outputs)
    assert newest <= time.time()
    assert newest < os.stat(path).st_mtime < time.time() + 60
    finish(made, recipe, CELL)
    due.write_recipes(made)
    assert os.stat(path).st_mtime == due.OLD  # done: a date in the future makes nothing due for ever


def test_a_result_from_the_future_that_may_not_be_touched_is_named(
    study: Callable[..., Study], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = study()
    manifest = finish(made, recipes.train_recipe(made, DATASET, "iql"), CELL) / "manifest.json"
    tomorrow = time.time() + 86400
    os.utime(manifest, (tomorrow, tomorrow))

    def refused(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted", str(path))

    monkeypatch.setattr(os, "utime", refused)
    with pytest.raises(ResultsError, match=rf"{manifest}: is dated in the future.*not permitted.*touch it"):
        due.put(made.places.prepared / "recipe.json", {}, True, [manifest])


def test_imported_scores_make_tables_and_report_of_their_datasets_due_and_nothing_else(
    study: Callable[..., Study],
) -> None:
    def digests() -> dict[str, str]:
        made = study()
        tables = {stage: recipes.table_recipe(made, stage)["digest"] for stage in ("compare", "report")}
        cells = {m.__name__: m(made, DATASET, "iql")["digest"] for m in (recipes.train_recipe, recipes.evaluate_recipe)}
        data, transport = recipes.data_recipe(made, DATASET), recipes.transport_recipe(made)
        return {**tables, **cells, "data": data["digest"], "transport": transport["digest"]}

    def imported(*rows: str) -> list[str]:
        """What differs from a project without the table."""
        external.TABLE.write_text("\n".join(["dataset,algorithm,seed,protocol,score,source", *rows]) + "\n")
        return [name for name, digest in digests().items() if digest != without[name]]

    external.TABLE.unlink()
    without = digests()
    assert imported() == []
    assert imported("hopper-medium-v2,dt,,final,1,x") == []
    assert imported(f"{DATASET},dt,,final,1,x") == ["compare", "report"]
    first = digests()
    assert imported("hopper-medium-v2,dt,,final,1,x", f"{DATASET},dt,,final,1,x") == ["compare", "report"]
    assert digests() == first
    imported(f"{DATASET},dt,,final,2,x")
    assert digests()["compare"] != first["compare"]


def test_tables_are_due_after_an_import_and_not_after_it_is_taken_out(study: Callable[..., Study]) -> None:
    made = study()
    recipe = recipes.table_recipe(made, "compare")
    manifest = {"digest": recipe["digest"], "status": "ok", "files": {}, "inputs": {}}
    provenance.write_json(made.compare_dir / "manifest.json", manifest)
    before = external.TABLE.read_bytes()

    def current() -> bool:
        return due.table_is_current(made, recipes.table_recipe(made, "compare"))

    assert current()
    external.TABLE.write_text(f"dataset,algorithm,protocol,score,source\n{DATASET},dt,final,1,x\n")
    assert not current()
    external.TABLE.write_bytes(before)
    assert current()


def test_dvc_knows_every_resource_that_tables_read() -> None:
    stages = yaml.safe_load((TOP / "dvc.yaml").read_text())["stages"]
    assert {str(path) for path in (recipes.CLAIMS, replays.TABLE, external.TABLE)} <= set(stages["compare"]["deps"])
