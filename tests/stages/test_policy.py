"""`qdot policy export`: which file it takes, what it says of it, what it writes."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tiny_cells import random_dataset, trained

from qdot import params as parameters
from qdot.cli import main
from qdot.provenance import read_json, sha256_file, write_json
from qdot.study import Cell, Study

TOP = Path(__file__).parents[2]
CELL = "tiny/pendulum-tiny/qdot/1"
Calls = list[tuple[str, dict[str, str]]]


@pytest.fixture(scope="module")
def content() -> bytes:
    return trained("qdot", random_dataset(3, 1))


@pytest.fixture
def policy(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A trained cell's policy, with a manifest that records it."""
    shutil.copy(TOP / "params.yaml", tmp_path / "params.yaml")
    shutil.copytree(TOP / "workflow", tmp_path / "workflow")
    monkeypatch.chdir(tmp_path)
    study = Study.from_config(parameters.load(), "tiny")
    path = study.cell_dir("train", Cell("pendulum-tiny", "qdot", 1)) / "policy.safetensors"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    manifest = {"status": "ok", "suite": "tiny", "dataset": "pendulum-tiny", "algorithm": "qdot", "digest": "d" * 64}
    write_json(path.parent / "manifest.json", manifest | {"files": {path.name: sha256_file(path)}})
    return path


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Readout and metadata of each translation, which writes nothing true."""
    found: Calls = []

    def to_onnx(policy: Any, readout: str, metadata: dict[str, str]) -> bytes:
        found.append((readout, metadata))
        return b"graph"

    monkeypatch.setattr("qdot.export.to_onnx", to_onnx)
    return found


def test_a_cell_is_exported_with_its_origin(policy: Path, calls: Calls) -> None:
    assert main(["policy", "export", CELL, "--readout", "distill", "--output", "made/here.onnx"]) == 0
    assert Path("made/here.onnx").read_bytes() == b"graph"
    ((readout, facts),) = calls
    assert readout == facts["readout"] == "distill"
    wanted = {"suite": "tiny", "dataset": "pendulum-tiny", "algorithm": "qdot", "digest": "d" * 64}
    assert wanted.items() <= facts.items()
    assert facts["policy_sha256"] == sha256_file(policy)
    numbers = {name: json.loads(facts[name]) for name in ("seed", "step", "action_low", "action_high")}
    assert numbers == {"seed": 6, "step": 5, "action_low": [-3.0], "action_high": [1.0]}


def test_a_file_alone_is_exported_by_its_first_readout_without_an_origin(policy: Path, calls: Calls) -> None:
    shutil.copy(policy, "mine")
    assert main(["policy", "export", "mine"]) == 0
    assert Path("policy.onnx").read_bytes() == b"graph"
    ((readout, facts),) = calls
    assert readout == "map"
    assert facts["algorithm"] == "qdot"
    assert not {"dataset", "digest", "suite"} & set(facts)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["nonsense"], "cell 'nonsense': expected SUITE/DATASET/ALGORITHM/SEED"),
        (["tiny/pendulum-tiny/qdot/9"], "cell 'tiny/pendulum-tiny/qdot/9': found in no suite"),
        (["tiny/pendulum-tiny/iql/0"], "policy.safetensors: cannot be read"),
        (["gone/policy.safetensors"], "gone/policy.safetensors: cannot be read"),
        ([CELL, "--readout", "best_of_n"], "'best_of_n' samples"),
    ],
)
def test_what_cannot_be_exported_is_one_line_and_no_file(
    policy: Path, arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["policy", "export", *arguments]) == 2
    assert text in capsys.readouterr().err
    assert not Path("policy.onnx").exists()


def test_a_policy_that_its_manifest_does_not_know_is_refused(
    policy: Path, calls: Calls, capsys: pytest.CaptureFixture[str]
) -> None:
    policy.write_bytes(trained("bc", random_dataset(3, 1)))
    assert main(["policy", "export", CELL]) == 2
    assert "is not the file that manifest.json beside it records" in capsys.readouterr().err
    assert calls == []


def test_a_policy_beside_a_manifest_of_no_cell_has_no_origin(policy: Path, calls: Calls) -> None:
    path = policy.with_name("manifest.json")
    write_json(path, read_json(path) | {"suite": None})
    assert main(["policy", "export", CELL]) == 0
    ((_, facts),) = calls
    assert not {"suite", "digest"} & facts.keys()
