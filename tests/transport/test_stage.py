"""The stage writes a table per study, vouches for each file, and drops tables that no suite names any more."""

import csv
import hashlib
import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from qdot.errors import ParamsError
from qdot.places import DEFAULTS
from qdot.provenance import SEAL, read_json
from qdot.stages import transport
from qdot.stages.pieces import FOLDER
from qdot.transport.records import Row


def recipe(folder: Path, studies: list[str], code: str = "c", **values: Any) -> Path:
    values = {"studies": studies, "budget": "tiny", "seeds": [0, 1], **values}
    content = {"stage": "transport", "suite": "tiny", "params": values, "digest": code, "code": code, "packages": {}}
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
    assert (manifest["status"], manifest["digest"]) == ("ok", "c")
    assert manifest[SEAL]
    rows = list(csv.DictReader(content.decode().splitlines()))
    assert {row["seed"] for row in rows} == {"0", "1"}
    assert {row["passed"] for row in rows} == {"True"}


def test_same_values_give_the_same_bytes(folder: Path) -> None:
    path = recipe(folder, ["certificate"])
    transport.run(path)
    table = folder / "results" / "tiny" / "transport" / "certificate.csv"
    first = table.read_bytes()
    table.unlink()
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


class Study:
    """In the place of the studies: counts what is asked for, and dies where it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[tuple[str, int]] = []
        self.dies: tuple[str, int] | None = None
        monkeypatch.setattr(transport, "run_study", self)

    def __call__(self, name: str, budget: str, seed: int) -> list[Row]:
        self.asked.append((name, seed))
        if (name, seed) == self.dies:
            raise KeyboardInterrupt
        return [Row(name, f'a, "{budget}"', "none", 2, 3, seed, key, 1 / (seed + 3), "< 0.5") for key in ("x", "y")]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file that no clock touches."""
    results = folder / "results"
    files = (path for path in results.rglob("*") if path.is_file() and path.parent.name != ".locks")
    return {path.relative_to(results).as_posix(): path.read_bytes() for path in files if path.name != "runtime.json"}


@pytest.fixture
def stopped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Study, dict[str, bytes]]:
    """A run of two studies that died in the second one's second seed, and what an undisturbed one leaves."""
    study, path = Study(monkeypatch), recipe(folder, ["lqr", "metric"])
    transport.run(path)
    whole = contents(folder)
    (folder / "results/tiny/transport/manifest.json").unlink()
    study.asked, study.dies = [], ("metric", 1)
    with pytest.raises(KeyboardInterrupt):
        transport.run(path)
    assert study.asked == [("lqr", 0), ("lqr", 1), ("metric", 0), ("metric", 1)]
    study.asked, study.dies = [], None
    return study, whole


def test_a_run_that_was_killed_goes_on_with_the_rest_to_the_same_bytes(
    stopped: tuple[Study, dict[str, bytes]], folder: Path
) -> None:
    study, whole = stopped
    transport.run(recipe(folder, ["lqr", "metric"]))
    assert study.asked == [("metric", 1)]
    assert contents(folder) == whole  # and no piece any more
    assert not (folder / "results/tiny" / FOLDER).exists()
    runtime = read_json(folder / "results/tiny/transport/runtime.json")
    assert set(runtime["seconds_by_study"]) == {"lqr", "metric"}


@pytest.mark.parametrize("changed", [{"code": "other"}, {"budget": "small"}])
def test_pieces_of_other_code_or_values_are_not_used(
    changed: dict[str, Any], stopped: tuple[Study, dict[str, bytes]], folder: Path
) -> None:
    study, _ = stopped
    transport.run(recipe(folder, ["lqr"], **changed))
    assert study.asked == [("lqr", 0), ("lqr", 1)]
    assert not (folder / "results/tiny" / FOLDER).exists()


def test_a_damaged_piece_is_made_again(stopped: tuple[Study, dict[str, bytes]], folder: Path) -> None:
    study, whole = stopped
    path = folder / "results/tiny" / FOLDER / "transport/lqr-seed1.json"
    path.write_text(path.read_text().replace("lqr", "lqx", 1))
    transport.run(recipe(folder, ["lqr", "metric"]))
    assert study.asked == [("lqr", 1), ("metric", 1)]
    assert contents(folder) == whole


def test_studies_that_another_run_has_finished_are_not_done_again(
    stopped: tuple[Study, dict[str, bytes]], folder: Path
) -> None:
    """A job that outlived its Snakemake ends while the next one waits for its lock."""
    study, whole = stopped
    for _ in range(2):
        transport.run(recipe(folder, ["lqr", "metric"]))
    assert study.asked == [("metric", 1)]
    assert contents(folder) == whole
    (folder / "results/tiny/transport/lqr.csv").write_text("damaged")
    transport.run(recipe(folder, ["lqr", "metric"]))
    assert len(study.asked) == 1 + 4
    assert contents(folder) == whole
