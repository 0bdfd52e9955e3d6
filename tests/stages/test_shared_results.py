"""Two checkouts on one results folder: each cell is evaluated by one of them, and tables made at once are whole."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fake_study import TOP
from training_job import DATASET, TrainingJob

from qdot import recipes
from qdot.provenance import damaged_files, read_json, write_json


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[TrainingJob]:
    """Two checkouts whose one trained algorithm lies in `tmp_path/shared`."""
    monkeypatch.setenv("QDOT_RESULTS", str(tmp_path / "shared"))
    made = [TrainingJob(tmp_path / name, monkeypatch, ["bc"], steps=20, evaluate_every=0) for name in ("one", "two")]
    assert made[1].run() == 0
    return made


def at_once(jobs: list[TrainingJob], *command: str) -> list[str]:
    """What the same command prints that is started in both checkouts."""
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "qdot", *command],
            cwd=job.top,
            env=os.environ | {"PYTHONPATH": str(TOP / "src")},
            stderr=subprocess.PIPE,
            text=True,
        )
        for job in jobs
    ]
    printed = [process.communicate()[1] for process in started]
    assert [process.returncode for process in started] == [0, 0], printed
    return printed


@pytest.mark.slow
def test_each_cell_is_evaluated_once_and_tables_made_at_once_are_whole(jobs: list[TrainingJob]) -> None:
    study = jobs[0].study
    manifests = [study.evaluate_dir(DATASET, "bc", seed) / "manifest.json" for seed in study.seeds]
    for job in jobs:
        write_json(job.top / "evaluate.json", recipes.evaluate_recipe(job.study, DATASET, "bc"))
        write_json(job.top / "compare.json", recipes.table_recipe(job.study, "compare"))
    printed = at_once(jobs, "evaluate", "--recipe", "evaluate.json", "--seeds", "0,1", *map(str, manifests))
    assert sorted("evaluating bc" in text for text in printed) == [False, True]
    assert sum("nothing to do: 2 seeds are current" in text for text in printed) == 1
    assert {read_json(path)["status"] for path in manifests} == {"ok"}
    at_once(jobs, "compare", "--recipe", "compare.json")
    found = read_json(study.compare_dir / "manifest.json")
    assert len(found["files"]) > 30
    assert list(damaged_files(study.compare_dir, found["files"])) == []
    results = study.places.results
    assert [path for path in results.rglob(".*") if path.name != ".locks"] == []
