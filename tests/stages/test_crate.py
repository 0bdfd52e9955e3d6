"""`qdot crate` writes a crate that others' software reads, says what it lacks, and overwrites nothing of anybody's."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import rocrate.vocabs
from fake_study import TOP, fill, write_status
from kept_run import finished
from requests_cache import CachedResponse, CachedSession
from requests_cache.models import CachedRequest
from rocrate.rocrate import ROCrate

from qdot.errors import ResultsError
from qdot.provenance import write_json
from qdot.stages import crate
from qdot.study import Study

CONTEXT = "https://w3id.org/ro/crate/1.1/context"
FAILURE = {"stage": "train", "step": 120, "term": "q_loss", "error": "q_loss is nan", "log_tail": ""}


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return documented(finished(tmp_path / "study"))


def documented(study: Study) -> Study:
    """The files that every crate takes from the checkout."""
    for name in crate.PROJECT:
        (study.root / name).write_bytes((TOP / name).read_bytes())
    return study


def written(study: Study) -> Path:
    folder = study.root.parent / "crate"
    crate.run("tiny", folder, study.root)
    return folder


def graph(folder: Path) -> dict[str, Any]:
    content = json.loads((folder / "ro-crate-metadata.json").read_text())
    return {entity["@id"]: entity for entity in content["@graph"]}


def test_the_package_rocrate_reads_every_file_with_its_size_and_sum(study: Study) -> None:
    folder = written(study)
    found = {entity.id: entity for entity in ROCrate(folder).data_entities}
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    assert set(found) == set(paths) - {"ro-crate-metadata.json"}
    assert {"compare/scores.csv", "compare/claims.json", "report/index.html", "transport/certificate.csv"} <= set(found)
    for name, entity in found.items():
        content = paths[name].read_bytes()
        assert entity["sha256"] == hashlib.sha256(content).hexdigest()
        assert entity["contentSize"] == str(len(content))
    assert paths["compare/scores.csv"].read_bytes() == (study.compare_dir / "scores.csv").read_bytes()


def test_it_says_who_made_what_from_what_with_what(study: Study) -> None:
    found = graph(written(study))
    assert found["./"]["citation"] == {"@id": "https://arxiv.org/abs/2507.10843"}
    assert found["./"]["license"] == {"@id": "https://spdx.org/licenses/MIT"}
    assert found[found["./"]["author"]["@id"]]["name"] == "the qdot-reproduction contributors"
    run = found[crate_of(found)]
    assert run["endTime"] == "2025-01-02T03:04:05+00:00"
    assert "startTime" not in run  # the invented cells record none
    assert {"@id": "compare/scores.csv"} in run["result"]
    assert {"@id": "LICENSE"} not in run["result"]
    code = found[run["instrument"]["@id"]]
    assert code["identifier"] == "0123456789abcdef"
    assert {"@id": "pkg:pypi/torch@2.13.0"} in code["softwareRequirements"]
    data = found["#dataset-pendulum-tiny"]
    assert data in [found[entity["@id"]] for entity in run["object"]]
    assert (data["sha256"], data["contentSize"]) == ("a" * 64, "123456789")
    assert data["license"] == {"@id": "https://spdx.org/licenses/MIT"}
    assert "from pendulum" in data["description"]


def crate_of(found: dict[str, Any]) -> str:
    return str(found["./"]["mentions"]["@id"])


def test_the_profiles_that_it_names_hold(study: Study, tmp_path: Path) -> None:
    """By the validator of the RO-Crate community, offline: the context comes from the package rocrate."""
    folder, cache, result = written(study), tmp_path / "http", tmp_path / "result.json"
    context = Path(rocrate.vocabs.__file__).parent / "data" / "ro-crate.jsonld"
    kind = {"Content-Type": "application/ld+json"}
    answer = CachedResponse(status_code=200, url=CONTEXT, headers=kind, content=context.read_bytes())
    answer.request = CachedRequest(method="GET", url=CONTEXT)
    with CachedSession(str(cache), backend="sqlite") as session:
        session.cache.save_response(answer)
    program = [sys.executable, "-c", "from rocrate_validator.cli import cli; cli()", "--no-interactive", "validate"]
    options = ["--offline", "--cache-path", str(cache), "--output-format", "json", "--output-file", str(result)]
    for profile in ("ro-crate-1.1", "process-run-crate-0.5"):
        chosen = ["--profile-identifier", profile, "--no-auto-profile", "--requirement-severity", "required"]
        subprocess.run([*program, *chosen, *options, str(folder)], check=False, capture_output=True)
        found = json.loads(result.read_text())
        assert found["validation_settings"]["profile_identifier"] == profile
        assert [issue["message"] for issue in found["issues"]] == []
        assert found["passed"]


def test_a_subset_and_missing_results_are_in_the_description(tmp_path: Path) -> None:
    def one_failed(study: Study) -> None:
        fill(study)
        lost = next(cell for cell in study.cells() if cell[1:] == ("iql", 1))
        write_status(study, lost, "failed", FAILURE)

    whole = graph(written(documented(finished(tmp_path / "whole"))))["./"]["description"]
    assert "subset" not in whole
    assert "Partial" not in whole
    part = documented(finished(tmp_path / "part", one_failed, {"seed": ["0", "1"]}))
    text = graph(written(part))["./"]["description"]
    assert "A subset of suite tiny: seed 0, 1." in text
    assert "Partial: 2 results are missing: train pendulum-tiny/iql seed 1: failed; evaluate" in text


def test_recipes_come_along_only_where_they_made_the_tables_and_without_a_machines_folders(study: Study) -> None:
    assert "compare/values.csv has the values" in graph(written(study))["./"]["description"]
    params = {"suite": "tiny", "places": {"raw": "/scratch/raw"}}
    for stage in ("compare", "report"):
        recipe = {"stage": stage, "digest": "r" * 64, "params": params}
        write_json(study.root / ".snakemake/recipes/tiny" / f"{stage}.json", recipe)
    folder = written(study)
    assert json.loads((folder / "recipes/compare.json").read_text())["params"] == {"suite": "tiny"}
    assert (folder / "params.yaml").read_bytes() == (study.root / "params.yaml").read_bytes()
    found = graph(folder)
    assert {"@id": "params.yaml"} in found[crate_of(found)]["object"]
    assert "values.csv" not in found["./"]["description"]


def test_a_suite_without_results_is_refused(tmp_path: Path) -> None:
    def all_failed(study: Study) -> None:
        for cell in study.cells():
            write_status(study, cell, "failed", FAILURE)

    with pytest.raises(ResultsError, match=r"run `snakemake tiny --cores all` first"):
        crate.run("tiny", tmp_path / "crate", tmp_path)
    study = documented(finished(tmp_path / "study", all_failed))
    with pytest.raises(ResultsError, match=r"none of 12 results is ok .train pendulum-tiny/qdot seed 0: failed"):
        written(study)
    assert not (tmp_path / "crate").exists()


def test_only_a_crate_of_ours_is_replaced(study: Study) -> None:
    folder = written(study)
    (folder / "LICENSE").unlink()
    written(study)
    assert (folder / "LICENSE").is_file()
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(ResultsError, match=r"crate: holds notes.txt; expected a new folder"):
        written(study)
    assert (folder / "notes.txt").read_text() == "mine"
    (folder / "notes.txt").unlink()
    other = {
        "@graph": [{"@id": "ro-crate-metadata.json"}, *({"@id": name} for name in graph(folder) if "run" not in name)]
    }
    write_json(folder / "ro-crate-metadata.json", other)
    with pytest.raises(ResultsError, match=r"crate: holds another crate"):
        written(study)
    assert [path.name for path in study.root.parent.iterdir() if path.name.startswith(".")] == []


def test_without_the_package_the_extra_is_named(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "qdot.reporting.crate", raising=False)
    monkeypatch.setitem(sys.modules, "rocrate.rocrate", None)
    with pytest.raises(ResultsError, match=r"qdot\[crate\]"):
        written(study)
