"""`qdot keep` keeps whole runs of today, says what it left out, and changes nothing where it refuses."""

import csv
import hashlib
from pathlib import Path

import pytest
from fake_study import fill, write_status
from kept_run import edit, finished

from qdot.errors import ResultsError
from qdot.kept import Kept
from qdot.provenance import read_json, write_json
from qdot.stages import keep
from qdot.study import Cell, Study

FAILURE = {"stage": "train", "step": 120, "term": "q_loss", "error": "q_loss is nan", "log_tail": ""}
LOST = Cell("pendulum-tiny", "iql", 1)


def one_failed(study: Study) -> None:
    fill(study)
    write_status(study, LOST, "failed", FAILURE)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return finished(tmp_path)


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def kept(study: Study, partial: bool = False) -> Path:
    folder = study.root / "docs" / "results" / "mine"
    keep.run("tiny", folder, partial, study.root)
    return folder


def test_a_kept_suite_holds_what_was_run_and_vouches_for_each_file(study: Study) -> None:
    folder = kept(study)
    found = Kept.read(folder).manifest
    files = {name: content for name, content in snapshot(folder).items() if name != "kept.json"}
    assert found["files"] == {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    assert {"scores.csv", "summary.csv", "claims.json", "values.csv", "index.html", "transport/certificate.csv"} <= set(
        files
    )
    assert files["scores.csv"] == (study.compare_dir / "scores.csv").read_bytes()
    assert files["index.html"] == (study.report_dir / "index.html").read_bytes()
    with open(folder / "scores.csv", newline="") as file:
        assert found["rows"]["scores.csv"] == len(list(csv.DictReader(file)))
    assert (found["suite"], found["status"], found["missing"]) == ("tiny", "complete", [])
    assert found["coverage"] == {"train": {"ok": 6}, "evaluate": {"ok": 6}}
    assert found["commits"] == [  # the invented evaluations record no commit
        {"commit": "unknown", "dirty": None, "records": 6},
        {"commit": "0123456789abcdef", "dirty": False, "records": 6},
    ]
    assert found["last_run"] == "2025-01-02T03:04:05Z"
    assert set(found["left_out"]) >= {"provenance.csv"}


def test_versions_are_counted_over_cells(study: Study) -> None:
    with open(kept(study) / "made_with.csv", newline="") as file:
        rows = {(row["stage"], row["field"], row["value"]): row["records"] for row in csv.DictReader(file)}
    assert rows["train", "versions.torch", "2.13.0"] == "6"
    assert rows["evaluate", "environment.simulator", "mujoco 3.3.7"] == "6"
    assert not {field for _, field, _ in rows} & {"runtime.seconds", "runtime.finished", "digest"}


def test_an_incomplete_suite_is_refused_or_stamped(tmp_path: Path) -> None:
    study = finished(tmp_path, one_failed)
    with pytest.raises(ResultsError, match=r"2 results are missing .train pendulum-tiny/iql seed 1: failed"):
        kept(study)
    assert not (study.root / "docs" / "results").exists()
    found = Kept.read(kept(study, partial=True)).manifest
    assert found["status"] == "partial"
    assert found["coverage"]["evaluate"] == {"ok": 5, "failed": 1}
    assert found["missing"][1] == "evaluate pendulum-tiny/iql seed 1: failed"


def test_tables_of_other_cells_or_with_other_content_are_refused(study: Study) -> None:
    manifest = study.cell_dir("evaluate", LOST) / "manifest.json"
    before = read_json(manifest)
    write_json(manifest, before | {"digest": "later"})
    with pytest.raises(ResultsError, match=r"iql/seed1/manifest.json: is not what compare of suite tiny was made from"):
        kept(study)
    write_json(manifest, before)
    edit(study.compare_dir, "scores.csv", lambda frame: frame.assign(score=1.0))
    with pytest.raises(ResultsError, match=r"compare/manifest.json: is not what report of suite tiny was made from"):
        kept(study)
    (study.compare_dir / "scores.csv").write_text("")
    with pytest.raises(ResultsError, match=r"scores.csv differ from manifest.json"):
        kept(study)


def test_keeping_again_replaces_what_was_kept_and_leaves_the_rest(study: Study) -> None:
    folder = kept(study)
    (folder / "README.md").write_text("written by hand")
    before = snapshot(folder)
    kept(study)
    after = snapshot(folder)
    assert {name: text for name, text in after.items() if name != "kept.json"} == {
        name: text for name, text in before.items() if name != "kept.json"
    }
    assert sorted(path.name for path in folder.parent.iterdir()) == ["mine"]


def test_a_folder_of_other_files_is_refused_untouched(study: Study) -> None:
    folder = study.root / "docs" / "results" / "mine"
    folder.mkdir(parents=True)
    (folder / "lqr.csv").write_text("by hand")
    with pytest.raises(ResultsError, match=r"holds files and no kept.json"):
        kept(study)
    assert snapshot(folder) == {"lqr.csv": b"by hand"}


def test_what_is_too_large_is_left_out_or_refused_and_nothing_changes(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = kept(study)
    assert "curves.csv" in Kept.read(folder).manifest["files"]
    monkeypatch.setattr(keep, "SMALL", 0)
    kept(study)
    size = (study.compare_dir / "curves.csv").stat().st_size
    assert Kept.read(folder).manifest["left_out"]["curves.csv"] == size > 0
    before = snapshot(folder)
    monkeypatch.setattr(keep, "LIMIT", 1000)
    with pytest.raises(ResultsError, match=r"expected at most 1000; largest: index.html"):
        kept(study)
    assert snapshot(folder) == before
    assert sorted(path.name for path in folder.parent.iterdir()) == ["mine"]
