"""The preflight says what will run and stops where the disk is too small."""

import logging
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from qdot import params as parameters
from qdot import recipes
from qdot.provenance import write_json
from qdot.stages import preflight
from qdot.study import Study

TOP = Path(__file__).parents[2]
Usage = namedtuple("Usage", "total used free")


def recipe_files(suite: str, folder: Path) -> list[Path]:
    """Recipes of a suite's first dataset, as files."""
    study = Study.from_config({**parameters.load(TOP), "suite": suite}, root=TOP)
    dataset = study.datasets[0]
    made = [recipes.data_recipe(study, dataset)]
    made += [make(study, dataset, "bc") for make in (recipes.train_recipe, recipes.evaluate_recipe)]
    paths = [folder / f"{recipe['stage']}.json" for recipe in made]
    for path, recipe in zip(paths, made, strict=True):
        write_json(path, recipe)
    return paths


def test_it_names_jobs_download_machine_and_a_missing_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(preflight, "_probe", lambda values, seeds: 0.0036)
    with caplog.at_level(logging.INFO):
        assert preflight.run(recipe_files("paper", tmp_path), cores=2) == 0
    assert "1 datasets, 5 cells to train, 5 cells to evaluate" in caplog.text
    assert "hopper-medium-v2, 152.8 MB" in caplog.text
    assert "'qdot/hopper-v2' is not built yet" in caplog.text
    assert "about 1.0 hours (5000000 seed-steps" in caplog.text


def test_it_stops_where_the_disk_is_too_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 10**9 - 10**6, 10**6))
    assert preflight.run(recipe_files("paper", tmp_path), cores=2) == 1
    assert "stopped: free" in caplog.text


def test_its_probe_measures_a_step(tmp_path: Path) -> None:
    study = Study.from_config({**parameters.load(TOP), "suite": "tiny"}, root=TOP)
    assert preflight._probe(study.resolved("pendulum-tiny", "bc"), [0, 1]) > 0
