"""The preflight says what will run and stops where the disk is too small."""

import logging
import re
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from qdot import params as parameters
from qdot import recipes
from qdot.envs.registry import ENVIRONMENTS
from qdot.provenance import write_json
from qdot.stages import estimate, preflight
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
    free = {"build": 0.0, "look": 0.0, "load": 0.0, "measure": {"policy": 0.0}, "move": 0.0}
    cost = estimate.Cost(0.0036, 0.0, {"policy": 0.001}, **free)
    monkeypatch.setattr(estimate, "probe", lambda values, seeds: cost)
    monkeypatch.setattr(estimate, "why_not", lambda device: "there is no C++ compiler")
    monkeypatch.delitem(ENVIRONMENTS, "qdot/hopper-v2")
    with caplog.at_level(logging.INFO):
        assert preflight.run(recipe_files("paper", tmp_path), cores=2) == 0
    assert "1 datasets, 5 cells to train, 5 cells to evaluate" in caplog.text
    assert "hopper-medium-v2, 152.8 MB" in caplog.text
    assert "'qdot/hopper-v2' is unknown" in caplog.text
    assert "about 60 minutes, of it training 60 minutes (5000000 seed-steps) and evaluation 1 minutes" in caplog.text
    monkeypatch.setattr(estimate, "why_not", lambda device: None)  # a million steps are compiled
    with caplog.at_level(logging.INFO):
        preflight.run(recipe_files("paper", tmp_path), cores=2)
    assert "training 46 minutes" in caplog.text


def test_it_stops_where_the_disk_is_too_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 10**9 - 10**6, 10**6))
    assert preflight.run(recipe_files("paper", tmp_path), cores=2) == 1
    assert "stopped: free" in caplog.text


def test_each_disk_is_held_against_what_is_placed_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == TOP.stat().st_dev:
        pytest.skip("/dev/shm is no disk of its own here")
    monkeypatch.setenv("QDOT_RAW", "/dev/shm/raw-that-is-not-there")
    free = {True: 152 * 10**6, False: 10**12}  # the file has 152.8 MB
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(0, 0, free[path == other]))
    files = recipe_files("paper", tmp_path)
    assert preflight.run(files, cores=2) == 1
    assert re.search(r"stopped: free \d\.\d\d GiB more for raw, or", caplog.text)
    free[True] += 10**6
    monkeypatch.setattr(preflight, "time_of", lambda jobs, cores: "")
    assert preflight.run(files, cores=2) == 0
