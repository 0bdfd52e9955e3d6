"""Published statistics are compared with what a file records, and a difference is shown."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from d4rl_files import EPISODE, write_mirror

from qdot import params as parameters
from qdot import provenance, recipes
from qdot.data import d4rl, published
from qdot.data.published import compare, published_statistics
from qdot.errors import DataError
from qdot.stages import data
from qdot.study import Study

TOP = Path(__file__).parents[2]
NAME = "hopper-medium-v2"


def manifest(**recorded: Any) -> dict[str, Any]:
    return {"dataset": NAME, "raw_file": "data/raw/x.hdf5", "transitions": 90, "recorded": recorded}


def entry(quantity: str, value: float, tolerance: float = 0.0) -> dict[str, Any]:
    return {"quantity": quantity, "value": value, "tolerance": tolerance, "source": "a table"}


def test_what_agrees_is_recorded_without_a_warning() -> None:
    found = compare(
        manifest(rows=100, marked_return_mean=10.04), [entry("rows", 100), entry("marked_return_mean", 10, 0.05)]
    )
    assert [row["agrees"] for row in found["published"]] == [True, True]
    assert [row["found"] for row in found["published"]] == [100, 10.04]
    assert found["warnings"] == []


def test_a_difference_is_a_warning_with_both_numbers_and_the_source(caplog: pytest.LogCaptureFixture) -> None:
    found = compare(
        manifest(marked_episodes=7, marked_return_mean=None),
        [entry("marked_episodes", 8), entry("marked_return_mean", 1)],
    )
    assert found["warnings"][0] == f"{NAME}: marked_episodes: 7 here, 8 published (a table)"
    assert found["warnings"][1].startswith(f"{NAME}: marked_return_mean: None here, 1 published")
    assert all(warning in caplog.text for warning in found["warnings"])


def test_more_transitions_than_published_rows_are_impossible() -> None:
    with pytest.raises(DataError, match=r"x\.hdf5: 90 transitions; expected at most 89, the rows of hopper-medium-v2"):
        compare(manifest(rows=91), [entry("rows", 89)])


def test_every_row_is_of_a_listed_dataset_and_names_a_source() -> None:
    table = published._read(TOP / published.TABLE)
    assert set(table) <= set(d4rl.read_table(TOP / d4rl.TABLE))
    for rows in table.values():
        quantities = [row["quantity"] for row in rows]
        assert len(set(quantities)) == len(quantities)
        assert all(row["source"] and row["tolerance"] >= 0 for row in rows)


def test_published_numbers_agree_with_each_other() -> None:
    """Concatenated data: the medium file's unclosed episode and the first of the expert file are one to the marks."""
    episodes = {
        name: row["value"]
        for name, rows in published._read(TOP / published.TABLE).items()
        for row in rows
        if row["quantity"] == "marked_episodes"
    }
    assert episodes["halfcheetah-medium-expert-v2"] == 2 * episodes["halfcheetah-medium-v2"]
    assert episodes["hopper-medium-expert-v2"] > episodes["hopper-medium-v2"]
    assert published_statistics("minari:D4RL/pen/human-v2", TOP) == []


def test_the_real_kitchen_file_agrees(kitchen_file: Path, tmp_path: Path) -> None:
    from qdot.data.hdf5 import read_d4rl
    from qdot.data.statistics import recorded_statistics

    made = {
        "dataset": "kitchen-complete-v0",
        "transitions": 3680,
        "recorded": recorded_statistics(read_d4rl(kitchen_file)),
    }
    found = compare(made, published_statistics("kitchen-complete-v0", TOP))
    assert [(row["quantity"], row["found"], row["agrees"]) for row in found["published"]] == [
        ("rows", 3680, True),
        ("marked_episodes", 19, True),
    ]


@pytest.mark.parametrize(
    "text", ["dataset,quantity,value,tolerance\n", "", "x,length,1,0,somewhere\n", "x,rows,many,0,s\n", "x,rows,1,0,\n"]
)
def test_a_malformed_table_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / published.TABLE
    path.parent.mkdir(parents=True)
    header = "dataset,quantity,value,tolerance,source\n"
    path.write_text(text if text.startswith("dataset") else header + (text or "x,rows,1\n"))
    if text.startswith("dataset"):
        path.write_text(text + "x,rows,1,0\n")
    with pytest.raises(DataError, match=r"dataset_statistics\.csv: malformed"):
        published_statistics("x", tmp_path)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], dict[str, Any]]:
    """A project with a small file of one dataset; a call runs the data stage on it and gives the manifest."""
    shutil.copytree(TOP / "workflow", tmp_path / "workflow")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QDOT_D4RL_MIRROR", str(tmp_path / "mirror"))
    write_mirror(tmp_path / "mirror", tmp_path / d4rl.TABLE, 5 * EPISODE, seed=1, names=[NAME])

    def prepare() -> dict[str, Any]:
        d4rl.read_table.cache_clear()
        published._read.cache_clear()
        params = parameters.load(TOP) | {"suite": "paper"}
        params["suites"]["paper"]["datasets"] = [NAME]
        recipe = recipes.data_recipe(Study.from_config(params), NAME)
        provenance.write_json(tmp_path / "recipe.json", recipe)
        path = tmp_path / "data" / "prepared" / NAME / "manifest.json"
        data.run(tmp_path / "recipe.json", path)
        return json.loads(path.read_text())

    return prepare


def test_the_data_stage_records_differences_and_goes_on(project: Callable[[], dict[str, Any]], tmp_path: Path) -> None:
    made = project()
    assert made["status"] == "ok"
    assert {row["quantity"] for row in made["published"]} >= {"marked_episodes", "marked_return_mean"}
    assert any("marked_episodes: 5 here, 2187 published" in warning for warning in made["warnings"])
    table = tmp_path / published.TABLE
    table.write_text(f"dataset,quantity,value,tolerance,source\n{NAME},marked_episodes,5,0,our own count\n")
    again = project()
    assert again["warnings"] == []
    assert again["published"][0]["agrees"]
    assert again["files"] == made["files"]
    assert again["digest"] != made["digest"]
    assert again["core"] == made["core"]  # nothing downstream is due


def test_the_data_stage_refuses_impossible_counts(project: Callable[[], dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / published.TABLE).write_text(f"dataset,quantity,value,tolerance,source\n{NAME},rows,50,0,a table\n")
    made = project()
    assert made["status"] == "failed"
    assert "100 transitions; expected at most 50" in made["reason"]["error"]
