"""A prepared dataset's replay: made once, made again where its raw file or environment is another, never invented."""

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from fake_study import TOP, new_study, write_data

from qdot import due, provenance, recipes, replays
from qdot import params as parameters
from qdot.cli import main
from qdot.study import Study

DATASET = "hopper-medium-v2"
STEPS = 60

pytestmark = pytest.mark.filterwarnings("ignore:.*is out of date")


def record(path: Path, seed: int) -> str:
    """Steps of Hopper-v4 as an npz file; returns its SHA-256."""
    environment = gymnasium.make("Hopper-v4")
    draw = np.random.default_rng(seed)
    rows = []
    observation, _ = environment.reset(seed=seed)
    for _ in range(STEPS):
        action = draw.uniform(-1.0, 1.0, 3)
        following, _, terminal, _, _ = environment.step(action)
        rows.append((observation, action, following))
        observation = environment.reset()[0] if terminal else following
    environment.close()
    path.parent.mkdir(parents=True, exist_ok=True)
    observations, actions, next_observations = (np.array(part) for part in zip(*rows, strict=True))
    np.savez(path, observations=observations, actions=actions, next_observations=next_observations)
    return provenance.sha256_file(path)


class Folder:
    """A project folder with one dataset, as if it had been prepared from steps of Hopper-v4."""

    def __init__(self, top: Path) -> None:
        new_study(top, "tiny")
        self.raw = Path("data/raw/steps.npz")
        self.study = self.with_environment("Hopper-v4")
        self.prepare(record(self.raw, seed=0))

    def with_environment(self, environment: str, **data: Any) -> Study:
        """The study with another environment, or other values of section `data`."""
        params = parameters.load(TOP)
        params["datasets"][DATASET]["environment"] = environment
        params["suites"]["tiny"]["datasets"] = [DATASET]
        params["data"] |= data
        return Study.from_config({**params, "suite": "tiny"})

    def prepare(self, sha256: str) -> None:
        """A manifest that says from which raw file the dataset was prepared."""
        path = self.study.data_dir(DATASET) / "manifest.json"
        provenance.write_json(path, {"status": "ok", "raw_file": str(self.raw), "raw_sha256": sha256, "files": {}})

    @property
    def result(self) -> Path:
        """Where the replay's result lies."""
        return self.study.data_dir(DATASET) / replays.FILE

    def run(self, study: Study | None = None) -> dict[str, Any]:
        """Do the job, as its rule does; returns the result."""
        study = study or self.study
        recipe = recipes.replay_recipe(study, DATASET)
        path = recipes.recipe_path(study, "replay", DATASET)
        due.put(path, recipe, current=False)
        assert main(["replay_dataset", "--recipe", str(path), str(self.result)]) == 0
        return provenance.read_json(self.result)

    def is_current(self, study: Study | None = None) -> bool:
        """Whether no work is due."""
        study = study or self.study
        return due.replay_is_current(study, recipes.replay_recipe(study, DATASET))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.chdir(tmp_path)
    return Folder(tmp_path)


def test_a_replay_is_made_once(folder: Folder) -> None:
    assert folder.study.replays() == [str(folder.result)]
    assert not folder.is_current()
    made = folder.run()
    assert (made["status"], made["reason"]) == ("ok", None)
    assert (made["replay"]["n"], made["replay"]["skipped"]) == (STEPS, 0)
    assert made["replay"]["median"] < 1e-12
    assert folder.is_current()
    folder.raw.unlink()  # as in a clone, which gets prepared data alone
    assert folder.is_current()
    assert folder.run() == made


def test_another_raw_file_another_environment_or_other_rows_are_replayed_again(folder: Folder) -> None:
    first = folder.run()
    folder.prepare(record(folder.raw, seed=1))
    assert not folder.is_current()
    second = folder.run()
    assert second["raw_sha256"] != first["raw_sha256"]
    assert second["replay"] != first["replay"]
    other = folder.with_environment("qdot/hopper-v2")
    assert not folder.is_current(other)
    assert folder.run(other)["replay"]["median"] > 1e-4
    fewer = folder.with_environment("Hopper-v4", replay_rows=20)
    assert not folder.is_current(fewer)
    assert folder.run(fewer)["replay"]["n"] == 20


def test_a_dataset_that_cannot_be_replayed_says_why_and_is_tried_when_it_can(folder: Folder) -> None:
    content = folder.raw.read_bytes()
    folder.raw.unlink()
    found = folder.run()
    assert (found["status"], found["replay"]) == ("not run", None)
    assert "data/raw/steps.npz: the raw file is not here" in found["reason"]
    assert folder.is_current()
    folder.raw.write_bytes(content)
    assert not folder.is_current()
    assert folder.run()["status"] == "ok"
    write_data(folder.study, DATASET, status="failed", licence=None, raw_sha256=None)
    assert not folder.is_current()
    assert folder.run()["reason"] == "data: not prepared"


def test_a_raw_file_that_changed_since_is_a_failure(folder: Folder) -> None:
    record(folder.raw, seed=2)
    found = folder.run()
    assert found["status"] == "failed"
    assert "data/raw/steps.npz: sha256" in found["reason"]["error"]
    assert not folder.is_current()
    assert main(["gate", str(folder.result)]) == 1


def test_a_raw_file_is_found_where_its_place_is_now(
    folder: Folder, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = tmp_path_factory.mktemp("disk")
    folder.raw.rename(disk / folder.raw.name)
    assert folder.run()["status"] == "not run"
    monkeypatch.setenv("QDOT_RAW", str(disk))
    moved = folder.with_environment("Hopper-v4")
    assert not folder.is_current(moved)
    assert folder.run(moved)["status"] == "ok"


def test_a_replay_is_no_part_of_a_trained_cell(folder: Folder) -> None:
    fewer = folder.with_environment("Hopper-v4", replay_rows=20)
    for make in (recipes.train_recipe, recipes.evaluate_recipe):
        assert make(folder.study, DATASET, "iql")["digest"] == make(fewer, DATASET, "iql")["digest"]
    before = {stage: recipes.table_inputs(folder.study, stage) for stage in ("compare", "report")}
    folder.run()
    for stage, inputs in before.items():
        assert set(recipes.table_inputs(folder.study, stage)) - set(inputs) == {str(folder.result)}
