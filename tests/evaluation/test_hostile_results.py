"""Results that came from elsewhere: tables and verdicts refuse what no stage writes, by the file's name."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from fake_study import TOP, fill, new_study, vouch, write_replay
from kept_run import finished

from qdot.errors import ResultsError
from qdot.evaluation import claims
from qdot.evaluation.compare import compare
from qdot.evaluation.gather import gather
from qdot.evaluation.replays import NOT_POSSIBLE, replay_table
from qdot.evaluation.verification import TOLERANCES, Tolerances
from qdot.kept import MANIFEST, Kept
from qdot.provenance import read_json, sha256_file, write_manifest
from qdot.reporting.source import Source
from qdot.results import load
from qdot.stages import gate, keep
from qdot.study import Cell, Study

DATASET = "pendulum-tiny"
CELL = Cell(DATASET, "bc", 0)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    made = new_study(tmp_path, "tiny")
    fill(made)
    return made


@pytest.mark.parametrize(
    ("stage", "name", "text", "message"),
    [
        ("train", "curve.csv", "step,value\n1,2\n", r"columns \['value'\]: expected names of quantities"),
        ("train", "curve.csv", "step,loss\n1,x\n", "loss: found str, expected numbers"),
        ("train", "curve.csv", "step,loss\n1,True\n", "loss: found bool, expected numbers"),
        ("train", "curve.csv", "", "is no readable CSV"),
        ("train", "curve.csv", "\0", "curve.csv"),
        ("train", "evaluations.csv", "{head}\npendulum-tiny,bc,0,policy,x,0,1,2,True,3\n", "step: found str"),
        ("evaluate", "episodes.csv", "{head}\npendulum-tiny,bc,0,policy,1,0,high,2,True,3\n", "return: found str"),
        ("evaluate", "episodes.csv", "{head}\npendulum-tiny,bc,0,policy,1,0,1,2,True,<b>\n", "score: found str"),
    ],
)
def test_a_table_with_something_else_than_numbers_is_named(
    study: Study, stage: str, name: str, text: str, message: str
) -> None:
    path = study.cell_dir(stage, CELL) / name
    head = "dataset,algorithm,seed,readout,step,episode,return,length,success,score"
    path.write_text(text.replace("{head}", head))
    vouch(path.parent)
    with pytest.raises(ResultsError, match=message):
        gather(study)


@pytest.mark.parametrize(
    "text", ["[]", '{"status": "fine"}', '{"status": "ok"}', "[" * 5000, '{"status": "ok", "a": NaN}']
)
def test_a_manifest_that_is_none_is_named_and_fails_the_gate(study: Study, text: str) -> None:
    path = study.cell_dir("train", CELL) / "manifest.json"
    path.write_text(text)
    cells = gather(study).cells.set_index(["algorithm", "seed", "stage"])
    row = cells.loc[("bc", 0, "train")]
    assert row["status"] == "failed"
    assert "bc/seed0/manifest.json: " in row["reason"]
    assert gate.run([path], "gate") == (0 if text == '{"status": "ok"}' else 1)


@pytest.mark.parametrize("text", ["[]", "7", "{", '{"seconds": "long", "peak_memory_mb": []}', '{"started": {"a": 1}}'])
def test_a_runtime_that_says_nothing_costs_nothing(study: Study, text: str) -> None:
    """It is outside every digest: nothing vouches for it, and nothing leans on it."""
    for folder in (study.cell_dir("train", CELL), study.data_dir(DATASET)):
        (folder / "runtime.json").write_text(text)
    compare(study)
    costs = pd.read_csv(study.compare_dir / "costs.csv")
    assert "data" not in set(costs["stage"])


@pytest.mark.parametrize("replay", [{"check": "episodes"}, {"tasks": "many", "completed": []}, {}])
def test_a_replay_without_its_numbers_is_no_replay(tmp_path: Path, replay: dict[str, Any]) -> None:
    study = new_study(tmp_path, "kitchen")
    fill(study, algorithms=())
    write_replay(study, "kitchen-complete-v0", replay=replay)
    (row,) = replay_table(study).to_dict("records")
    assert row["verdict"] == NOT_POSSIBLE
    assert "replay.json lacks" in row["reason"]


@pytest.mark.parametrize("text", ["{}", "[1]", '[{"id": 1}]', "null", '[{"verdict": 1, "verdict": 2}]'])
def test_verdicts_that_are_none_are_named(study: Study, text: str) -> None:
    compare(study)
    (study.compare_dir / "claims.json").write_text(text)
    with pytest.raises(ResultsError, match=r"claims\.json: "):
        _ = Source(study).claims


def test_a_score_beyond_any_number_is_named(study: Study) -> None:
    compare(study)
    path = study.compare_dir / "scores.csv"
    frame = pd.read_csv(path, dtype=str)
    frame.loc[0, "seed"] = "1" + "0" * 400
    frame.to_csv(path, index=False)
    with pytest.raises(ResultsError, match=r"scores\.csv: "):
        load("tiny", study.root)


CLAIMS: dict[str, Any] = {
    "claims: 5": {"claims": 5},
    "paper.steps: 'x' is not of type 'integer'": {"paper": {"steps": "x"}},
    "groups.hopper: 7": {"groups": {"hopper": 7}},
    "minimum_seeds: 0 is less than": {"minimum_seeds": 0},
    "study.0: ": {"study": [[]]},
    "'baselines' is a required property": {"baselines": None},
}


@pytest.mark.parametrize("message", CLAIMS)
def test_claims_of_another_kind_are_named(tmp_path: Path, message: str) -> None:
    content = yaml.safe_load((TOP / claims.CLAIMS).read_text())
    for key, value in CLAIMS[message].items():
        content[key] = {**content[key], **value} if isinstance(value, dict) else value
    content = {key: value for key, value in content.items() if value is not None}
    path = new_study(tmp_path, "tiny").root / claims.CLAIMS
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ResultsError, match=rf"claims\.yaml: .*{message}"):
        claims.load(tmp_path)


@pytest.mark.parametrize("text", ["", "[", "confidence: 2", "a: 1", "confidence: .nan", "&a [*a]"])
def test_tolerances_that_are_none_are_named(tmp_path: Path, text: str) -> None:
    path = new_study(tmp_path, "tiny").root / TOLERANCES
    path.write_text(text)
    with pytest.raises(ResultsError, match=r"verify\.yaml: "):
        Tolerances.load(tmp_path)


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "a/../../secret"])
def test_nothing_outside_is_kept_or_verified(tmp_path: Path, name: str) -> None:
    """Manifests name files to copy into docs/results, and to hash."""
    (tmp_path / "secret").write_text("secret")
    root = tmp_path / "project"
    study = finished(root)
    path = study.compare_dir / "manifest.json"
    whole = read_json(path)
    write_manifest(path, whole | {"files": whole["files"] | {name: sha256_file(tmp_path / "secret")}})
    with pytest.raises(ResultsError, match=r"compare/manifest\.json: files: .* lies outside its folder"):
        keep.run("tiny", root / "docs" / "results" / "mine", True, root)
    write_manifest(path, whole | {"inputs": whole["inputs"] | {name: sha256_file(tmp_path / "secret")}})
    with pytest.raises(ResultsError, match="is not what compare of suite tiny was made from"):
        keep.run("tiny", root / "docs" / "results" / "mine", True, root)
    assert not (root / "docs" / "results").exists()
    (tmp_path / "kept").mkdir()
    kept = {"suite": "tiny", "status": "complete", "files": {name: "0" * 64}}
    (tmp_path / "kept" / MANIFEST).write_text(json.dumps(kept))
    with pytest.raises(ResultsError, match="lies outside its folder"):
        Kept.read(tmp_path / "kept")
