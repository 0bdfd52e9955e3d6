"""`qdot status`: every result of a suite has one state, and looking changes nothing."""

import json
import os
import shutil
from pathlib import Path

import pytest
import torch

from qdot import params as parameters
from qdot import recipes
from qdot.cli import main
from qdot.provenance import write_json
from qdot.study import Cell, Study

TOP = Path(__file__).parents[2]
DATASET = "pendulum-tiny"


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """Suite `tiny` with one result in each state: iql trained, one seed of it by older code; bc failed, or not run."""
    shutil.copy(TOP / "params.yaml", tmp_path / "params.yaml")
    shutil.copytree(TOP / "workflow", tmp_path / "workflow")
    shutil.copytree(TOP / "reports/templates", tmp_path / "reports/templates")
    (tmp_path / "docs").mkdir()
    shutil.copy(TOP / "docs/deviations.md", tmp_path / "docs/deviations.md")
    monkeypatch.chdir(tmp_path)
    found = Study.from_config(parameters.load(), "tiny")
    write(found, "iql", 0, status="ok")
    write(found, "iql", 1, status="ok", digest="older")
    write(found, "bc", 0, status="failed", reason={"error": "policy_loss is not finite\n..."})
    write(found, "bc", 1, status="not run", reason="data: no dataset")
    return found


def write(study: Study, algorithm: str, seed: int, **given: object) -> None:
    recipe = recipes.train_recipe(study, DATASET, algorithm)
    manifest = {"digest": recipes.seed_digest(recipe["digest"], seed), "reason": None, "files": {}, "inputs": {}}
    write_json(study.train_dir(DATASET, algorithm, seed) / "manifest.json", manifest | given)


def states(capsys: pytest.CaptureFixture[str]) -> dict[tuple[str, str], str]:
    assert main(["status", "tiny", "--json"]) == 0
    return {(part["stage"], part["name"]): part["state"] for part in json.loads(capsys.readouterr().out)}


def test_every_result_has_its_state(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    found = states(capsys)
    cells = [f"{cell.dataset}/{cell.algorithm}/seed{cell.seed}" for cell in study.cells()]
    expected = {
        ("data", DATASET),
        ("rollouts", DATASET),
        *(("train", cell) for cell in cells),
        *(("evaluate", cell) for cell in cells),
    }
    assert set(found) == expected | {(stage, "tiny") for stage in ("transport", "compare", "report")}
    assert {
        name: found["train", f"{DATASET}/{name}"] for name in ("iql/seed0", "iql/seed1", "bc/seed0", "bc/seed1")
    } == {
        "iql/seed0": "done",
        "iql/seed1": "stale",
        "bc/seed0": "failed",
        "bc/seed1": "not run",
    }
    assert found["train", f"{DATASET}/qdot/seed0"] == "missing"
    assert found["data", DATASET] == "missing"


def test_the_table_counts_and_names_reasons(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "tiny"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "tiny: 1 datasets, 3 algorithms, 2 seeds"
    counts = next(line.split() for line in lines if line.startswith("train"))
    assert counts == ["train", "1", "1", "1", "1", "2"]
    assert f"failed train {DATASET}/bc/seed0: policy_loss is not finite" in lines


def test_looking_changes_nothing(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    def everything() -> dict[str, tuple[int, bytes]]:
        files = [path for path in Path().rglob("*") if path.is_file()]
        return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}

    before = everything()
    states(capsys)
    assert everything() == before


def test_an_unknown_suite_is_an_error(study: Study) -> None:
    assert main(["status", "tinny"]) == 2


def test_stopped_training_says_how_far_it_came(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    from qdot.stages.cells import Job
    from qdot.training.generations import BEFORE
    from qdot.training.resume import NAME, Saved

    cell = Cell(DATASET, "qdot", 0)
    folder, recipe = study.cell_dir("train", cell), recipes.train_recipe(study, DATASET, "qdot")
    saved = Saved(120, {"curve": torch.zeros(0, dtype=torch.float64)}, [], [], [], None, [], [0])
    saved.write(folder / NAME, Job(recipe, {0: folder}).identity(0))
    assert main(["status", "tiny"]) == 0
    assert f"missing train {DATASET}/qdot/seed0: saved at step 120 of 200" in capsys.readouterr().out
    saved.write(folder / NAME, "other work")
    assert main(["status", "tiny"]) == 0
    assert "saved at step" not in capsys.readouterr().out
    os.truncate(folder / NAME, 5)
    assert main(["status", "tiny"]) == 0
    assert "is damaged" in capsys.readouterr().out
    (folder / NAME).unlink()
    saved.write(folder / BEFORE, Job(recipe, {0: folder}).identity(0))  # as a kill between two savings leaves it
    assert main(["status", "tiny"]) == 0
    assert "saved at step 120 of 200" in capsys.readouterr().out
