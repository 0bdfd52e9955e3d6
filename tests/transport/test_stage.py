"""The stage writes a table per study, vouches for each file, and drops tables that no suite names any more."""

import csv
import hashlib
import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from qdot.errors import ParamsError
from qdot.places import DEFAULTS
from qdot.stages import transport


def recipe(folder: Path, studies: list[str]) -> Path:
    values = {"studies": studies, "budget": "tiny", "seeds": [0, 1]}
    content = {"stage": "transport", "suite": "tiny", "params": values, "digest": "d", "code": "c", "packages": {}}
    content["places"] = DEFAULTS
    path = folder / "recipe.json"
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_tables_are_written_with_their_digests_and_old_ones_go(folder: Path) -> None:
    results = folder / "results" / "tiny" / "transport"
    results.mkdir(parents=True)
    (results / "lqr.csv").write_text("of a study that the suite no longer names")
    transport.run(recipe(folder, ["metric"]))
    assert sorted(path.name for path in results.iterdir()) == ["manifest.json", "metric.csv", "runtime.json"]
    manifest = json.loads((results / "manifest.json").read_text())
    content = (results / "metric.csv").read_bytes()
    assert manifest["files"] == {"metric.csv": hashlib.sha256(content).hexdigest()}
    assert (manifest["status"], manifest["digest"]) == ("ok", "d")
    rows = list(csv.DictReader(content.decode().splitlines()))
    assert {row["seed"] for row in rows} == {"0", "1"}
    assert {row["passed"] for row in rows} == {"True"}


def test_same_values_give_the_same_bytes(folder: Path) -> None:
    path = recipe(folder, ["certificate"])
    transport.run(path)
    table = folder / "results" / "tiny" / "transport" / "certificate.csv"
    first = table.read_bytes()
    transport.run(path)
    assert table.read_bytes() == first


def test_a_suite_without_studies_has_a_manifest_and_no_table(folder: Path) -> None:
    transport.run(recipe(folder, []))
    names = sorted(path.name for path in (folder / "results" / "tiny" / "transport").iterdir())
    assert names == ["manifest.json", "runtime.json"]


def test_a_run_is_dated_by_its_commit_outside_what_the_manifest_vouches_for(folder: Path) -> None:
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "start"]):
        subprocess.run(["git", "-c", "user.name=n", "-c", "user.email=e@host.invalid", *command], check=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    transport.run(recipe(folder, ["metric"]))
    results = folder / "results" / "tiny" / "transport"
    runtime = json.loads((results / "runtime.json").read_text())
    assert (runtime["git_commit"], runtime["git_dirty"]) == (head, False)
    assert datetime.fromisoformat(runtime["finished"]).tzinfo == UTC
    assert set(runtime["seconds_by_study"]) == {"metric"}
    assert "runtime.json" not in json.loads((results / "manifest.json").read_text())["files"]


def test_an_unknown_study_is_refused_before_anything_is_written(folder: Path) -> None:
    with pytest.raises(ParamsError, match=r"transport\.studies: found 'lqr32'"):
        transport.run(recipe(folder, ["lqr32"]))
    written = [path for path in (folder / "results").rglob("*") if path.is_file()]
    assert [path.parent.name for path in written] == [".locks"]
    assert not (folder / "results" / "tiny" / "transport").exists()
