"""Where files lie is a setting: it changes no digest, and results that move stay what they are."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from kept_run import finished

from qdot import params as parameters
from qdot import recipes
from qdot.cli import main
from qdot.closure import import_closure
from qdot.errors import ParamsError
from qdot.places import DEFAULTS, VARIABLES, Places, choose
from qdot.provenance import read_json
from qdot.results import load
from qdot.stages import keep, verify
from qdot.study import Study

TOP = Path(__file__).parents[1]


def elsewhere(folder: Path) -> dict[str, str]:
    """The environment that places everything in another folder."""
    return {variable: str(folder / name) for name, variable in VARIABLES.items()}


def set_all(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def test_the_file_places_what_it_always_did() -> None:
    assert parameters.load(TOP)["places"] == DEFAULTS
    study = Study.from_config(parameters.load(TOP), "quick")
    assert study.data_dir("pendulum") == Path("data/prepared/pendulum")
    assert study.train_dir("pendulum", "qdot", 3) == Path("results/quick/train/pendulum/qdot/seed3")
    assert study.report_dir == Path("reports/build/quick")


def test_a_variable_wins_over_the_file_and_an_empty_one_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QDOT_RESULTS", "/scratch/results")
    monkeypatch.setenv("QDOT_RAW", "")
    chosen = choose({**DEFAULTS, "raw": "in/raw", "results": "in/results"}, tmp_path)
    assert chosen == {**DEFAULTS, "raw": "in/raw", "results": "/scratch/results"}
    places = Places.of(chosen, tmp_path)
    assert (places.raw, places.results) == (tmp_path / "in/raw", Path("/scratch/results"))


def test_a_file_has_one_name_wherever_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, elsewhere(tmp_path))
    places = Places.of(choose(DEFAULTS, TOP), TOP)
    for name in ("results/quick/compare/scores.csv", "data/raw/a.hdf5", "reports/build/quick/index.html"):
        assert places.path(name).is_relative_to(tmp_path)
        assert places.path(name).name == Path(name).name
        assert places.name(places.path(name)) == Places.of(DEFAULTS, TOP).name(TOP / name) == name
    assert places.path("docs/claims.md") == TOP / "docs/claims.md"


@pytest.mark.parametrize(
    ("variable", "folder", "message"),
    [
        ("QDOT_RESULTS", ".", "QDOT_RESULTS: .*holds the project itself"),
        ("QDOT_RESULTS", "..", "QDOT_RESULTS: .*holds the project itself"),
        ("QDOT_RESULTS", "data", r"QDOT_RESULTS: .*holds the folder of params.yaml: places\.raw"),
        ("QDOT_LOGS", "results", r"places\.results: .*holds the folder of QDOT_LOGS"),
        ("QDOT_RESULTS", "params.yaml", "QDOT_RESULTS: 'params.yaml': is a file; expected a folder"),
        ("QDOT_RAW", "~/raw", "QDOT_RAW: .*expected a path written out"),
        ("QDOT_RAW", "$SCRATCH/raw", "QDOT_RAW: .*expected a path written out"),
        ("QDOT_RAW", "/scratch/{dataset}", "QDOT_RAW: .*expected a path written out"),
    ],
)
def test_a_place_that_cannot_be_one_is_refused(
    monkeypatch: pytest.MonkeyPatch, variable: str, folder: str, message: str
) -> None:
    monkeypatch.setenv(variable, folder)
    with pytest.raises(ParamsError, match=message):
        Study.from_config(parameters.load(TOP), "tiny", TOP)


def test_a_place_that_dvc_cannot_version_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DVC itself says so after the command has run, for days perhaps."""
    outside = {**DEFAULTS, "results": str(tmp_path / "results")}
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))  # of a project around this one
    assert choose(outside, TOP) == outside
    monkeypatch.setenv("DVC_ROOT", str(TOP))
    with pytest.raises(ParamsError, match=r"places\.results: .*DVC versions only"):
        choose(outside, TOP)
    raw = {**DEFAULTS, "raw": str(tmp_path / "raw"), "results": "out"}
    assert choose(raw, TOP) == raw
    monkeypatch.setenv("QDOT_RESULTS", "out")  # dvc.yaml does not know of it
    with pytest.raises(ParamsError, match=r"QDOT_RESULTS: .*DVC versions only"):
        choose(raw, TOP)


def _recipes(study: Study) -> dict[str, dict[str, Any]]:
    dataset = study.datasets[0]
    made = [recipes.data_recipe(study, dataset), recipes.replay_recipe(study, dataset), recipes.transport_recipe(study)]
    made += [make(study, dataset, "bc") for make in (recipes.train_recipe, recipes.evaluate_recipe)]
    made += [recipes.table_recipe(study, stage) for stage in ("compare", "report")]
    return {recipe["stage"]: json.loads(json.dumps(recipe)) for recipe in made}


def test_no_digest_depends_on_a_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = _recipes(Study.from_config(parameters.load(TOP), "tiny", TOP))
    set_all(monkeypatch, elsewhere(tmp_path))
    after = _recipes(Study.from_config(parameters.load(TOP), "tiny", TOP))
    assert len(before) == 7
    for stage, recipe in before.items():
        assert recipe["digest"] == after[stage]["digest"], stage
        assert recipe != after[stage], stage
    assert after["train"]["data_dir"] == str(tmp_path / "prepared/pendulum-tiny")


@pytest.mark.parametrize(
    "stage", ["qdot.data.prepare", "qdot.stages.train", "qdot.stages.evaluate", "qdot.stages.transport"]
)
def test_the_code_of_places_is_no_reason_to_work_again(stage: str) -> None:
    modules, _ = import_closure([stage], stop=recipes.MANIFESTS)
    assert stage in modules
    assert "qdot.places" not in modules


def test_results_that_moved_are_current_loaded_kept_and_verified_where_they_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top, disk = tmp_path / "project", tmp_path / "disk"
    study = finished(top)
    scores = load("tiny", top)
    inputs = {stage: recipes.table_inputs(study, stage) for stage in ("compare", "report")}
    keep.run("tiny", tmp_path / "before", False, top)
    for name, folder in DEFAULTS.items():
        if (top / folder).exists():
            (disk / name).parent.mkdir(exist_ok=True)
            shutil.move(top / folder, disk / name)
    set_all(monkeypatch, elsewhere(disk))
    moved = Study.from_config(parameters.load(top), "tiny", top)
    for stage, expected in inputs.items():
        assert recipes.table_inputs(moved, stage) == expected
    assert load("tiny", top).equals(scores)
    keep.run("tiny", top / "docs/results/mine", False, top)
    kept = read_json(top / "docs/results/mine/kept.json")
    assert kept["files"] == read_json(tmp_path / "before/kept.json")["files"]
    text, status = verify.run(None, True, top)
    assert (status, json.loads(text)["runs"][0]["own"]) == (0, "results/tiny/compare")
    assert str(disk) not in (disk / "reports/tiny/index.html").read_text()


def test_a_page_made_elsewhere_names_files_as_one_made_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, elsewhere(tmp_path / "disk"))
    study = finished(tmp_path / "project")
    page = (study.report_dir / "index.html").read_text()
    assert study.report_dir == tmp_path / "disk/reports/tiny"
    assert "results/tiny/compare/scores.csv" in page
    assert str(tmp_path) not in page


def test_a_user_can_ask_where_things_lie(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(TOP)
    monkeypatch.setenv("QDOT_REPORTS", "/scratch/pages")
    assert main(["places"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["reports", "/scratch/pages", "QDOT_REPORTS"] in lines
    assert ["results", "results", "params.yaml:", "places.results"] in lines
    assert main(["places", "reports"]) == 0
    assert capsys.readouterr().out == "/scratch/pages\n"
    assert main(["places", "report"]) == 2
