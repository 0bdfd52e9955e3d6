"""`qdot archive`: equal input gives equal bytes, and what is unpacked counts as done."""

import hashlib
import json
import os
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
from fake_study import TOP, invented, new_study, write_cell, write_data

from qdot import params, recipes
from qdot.errors import ParamsError, QdotError, ResultsError
from qdot.provenance import hash_files, read_json, write_json
from qdot.stages import archive
from qdot.stages.status import parts
from qdot.study import Cell, Study

DATASET = "pendulum-tiny"


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """A git clone in which suite `tiny` has results of today's values and code, invented ones."""
    study = new_study(tmp_path / "study", "tiny")
    program = study.root / "workflow" / "run"
    program.write_bytes((TOP / "workflow" / "run").read_bytes())
    program.chmod(0o755)
    git(study.root, "init", "--quiet")
    git(study.root, "add", "--all")
    git(study.root, "commit", "--quiet", "--message", "start")
    put_data(study)
    for cell in study.cells():
        write_cell(study, cell, invented)
        make_current(study, cell)
    return study


def git(root: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
    return subprocess.run(["git", "-C", root, *who, *arguments], check=True, capture_output=True, text=True).stdout


def put_data(study: Study, **changes: Any) -> None:
    folder = study.data_dir(DATASET)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "arrays.safetensors").write_bytes(b"arrays")
    found = {
        "files": hash_files(folder, ["arrays.safetensors"]),
        "digest": recipes.data_recipe(study, DATASET)["digest"],
    }
    write_data(study, DATASET, **found | changes)


def make_current(study: Study, cell: Cell) -> None:
    """Let a cell's manifests say that today's recipes made them, of the files that lie before them."""
    before = hashlib.sha256(b"arrays").hexdigest()
    (study.cell_dir("train", cell) / "policy.safetensors").write_bytes(f"policy of {cell}".encode())
    for make in (recipes.train_recipe, recipes.evaluate_recipe):
        recipe = make(study, cell.dataset, cell.algorithm)
        folder = study.cell_dir(recipe["stage"], cell)
        manifest = read_json(folder / "manifest.json")
        names = [*manifest["files"], "policy.safetensors"]
        changes = {"digest": recipes.seed_digest(recipe["digest"], cell.seed), "files": hash_files(folder, names)}
        write_json(folder / "manifest.json", manifest | changes | {"inputs": {"source": before}})
        before = changes["files"].get("policy.safetensors", before)


def packed(study: Study, name: str = "bundle.tar.gz", suites: tuple[str, ...] = ("tiny",)) -> Path:
    file = study.root.parent / name
    archive.run(file, suites, study.root)
    return file


def unpacked(file: Path) -> Path:
    with tarfile.open(file) as bundle:
        bundle.extractall(file.parent / "unpacked", filter="data")
    (top,) = (file.parent / "unpacked").iterdir()
    return top


def states(root: Path) -> dict[str, str]:
    study = Study.from_config(params.load(root), "tiny", root)
    return {f"{part.stage} {part.name}": part.state for part in parts(study)}


def record(top: Path) -> dict[str, Any]:
    return {entry["suite"]: entry for entry in read_json(top / "MANIFEST.json")["suites"]}


def test_equal_input_gives_equal_bytes_without_clocks_and_owners(study: Study) -> None:
    first = packed(study).read_bytes()
    for path in study.root.rglob("*.json"):
        os.utime(path, (1, 1))
        path.chmod(0o600)
    assert packed(study, "again.tar.gz").read_bytes() == first
    with tarfile.open(study.root.parent / "again.tar.gz") as bundle:
        found = bundle.getmembers()
    assert [entry.name for entry in found] == sorted(entry.name for entry in found)
    assert {(entry.uid, entry.gid, entry.uname, entry.gname) for entry in found} == {(0, 0, "", "")}
    assert {entry.mtime for entry in found} == {int(git(study.root, "log", "-1", "--format=%ct"))}
    assert {Path(entry.name).name for entry in found if entry.mode == 0o755} == {"run"}
    assert {entry.mode for entry in found} == {0o644, 0o755}


def test_what_is_unpacked_has_its_sums_and_counts_as_done(study: Study) -> None:
    top = unpacked(packed(study))
    lines = (top / "SHA256SUMS").read_text().splitlines()
    sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
    files = {path.relative_to(top).as_posix() for path in top.rglob("*") if path.is_file()}
    assert set(sums) == files - {"SHA256SUMS"}
    for name, digest in sums.items():
        assert hashlib.sha256((top / name).read_bytes()).hexdigest() == digest
    assert {"params.yaml", f"results/tiny/train/{DATASET}/qdot/seed1/policy.safetensors"} <= files
    assert f"results/tiny/train/{DATASET}/qdot/seed1/runtime.json" in files
    found = states(top)
    assert {name for name, state in found.items() if state != "done"} == {
        "transport tiny",
        "compare tiny",
        "report tiny",
        f"rollouts {DATASET}",
    }
    assert len(found) == 1 + 2 * 6 + 4


def test_what_is_not_done_is_left_out_and_named(study: Study) -> None:
    path = study.train_dir(DATASET, "iql", 1) / "manifest.json"
    write_json(path, read_json(path) | {"digest": "older"})
    (study.evaluate_dir(DATASET, "bc", 0) / "manifest.json").unlink()
    top = unpacked(packed(study, suites=("tiny", "kitchen")))
    assert not (top / f"results/tiny/train/{DATASET}/iql/seed1").exists()
    assert not (top / f"results/tiny/evaluate/{DATASET}/bc/seed0").exists()
    found = record(top)
    assert {f"train {DATASET}/iql/seed1: stale", f"evaluate {DATASET}/bc/seed0: missing"} <= set(
        found["tiny"]["left_out"]
    )
    assert found["tiny"]["found"]["train: packed"] == 5
    assert not found["kitchen"]["packed"]
    assert "no trained cell" in found["kitchen"]["left_out"][0]
    assert not list(top.glob("results/kitchen"))


@pytest.mark.parametrize("licence", ["CC BY 4.0", None])
def test_data_that_a_host_gives_are_left_out_and_take_no_cell_along(study: Study, licence: str | None) -> None:
    put_data(study, source="d4rl", licence=licence)
    top = unpacked(packed(study))
    assert not (top / "data").exists()
    (line,) = [line for line in record(top)["tiny"]["left_out"] if line.startswith("data")]
    assert f"source d4rl, licence {licence or 'not stated'}" in line
    assert {state for name, state in states(top).items() if name.startswith(("train", "evaluate"))} == {"done"}


def test_a_bundle_that_would_be_wrong_is_refused_and_nothing_written(study: Study, tmp_path: Path) -> None:
    def refused(
        kind: type[QdotError], text: str, name: str = "bundle.tar.gz", suites: tuple[str, ...] = ("tiny",)
    ) -> None:
        with pytest.raises(kind, match=text):
            packed(study, name, suites)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["study"]

    refused(ParamsError, r"ends in .tar.gz", name="bundle.zip")
    refused(ResultsError, r"kitchen: no trained cell; run `make quick` first", suites=("kitchen",))
    refused(ParamsError, r"unknown suite 'tinny'", suites=("tinny",))
    original = (study.root / "params.yaml").read_text()
    (study.root / "params.yaml").write_text(original + "\n# changed")
    refused(ResultsError, r"tracked files differ from the commit")
    (study.root / "params.yaml").write_text(original.replace("results: results", "results: elsewhere"))
    refused(ParamsError, r"params.yaml: places: found .*elsewhere")
    (study.root / "params.yaml").write_text(original)
    (study.root / ".git").rename(study.root / "git")
    refused(ResultsError, r"expected .*study to be a clone")
    assert json.loads((study.train_dir(DATASET, "qdot", 0) / "manifest.json").read_text())["status"] == "ok"
