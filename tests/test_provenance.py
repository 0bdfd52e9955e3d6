"""Digests know values and files, damage is found, and a write that fails loses nothing."""

import json
import os
from pathlib import Path

import pytest

from qdot import provenance
from qdot.errors import ResultsError
from qdot.provenance import find_json, read_json, write_json, write_manifest


def test_a_digest_knows_value_and_order() -> None:
    assert provenance.digest({"a": 1, "b": 2}) == provenance.digest({"b": 2, "a": 1})
    assert provenance.digest(1, 2) != provenance.digest(2, 1)


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "table.csv"
    provenance.write_atomic(path, "old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(ResultsError, match=r"table\.csv: cannot be written \(No space left"):
        provenance.write_atomic(path, "new")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["table.csv"]


def test_damage_is_found_by_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    (tmp_path / "b").write_text("1")
    files = provenance.hash_files(tmp_path, ["a", "b", "absent"])
    assert set(files) == {"a", "b"}
    (tmp_path / "b").write_text("2")
    assert list(provenance.damaged_files(tmp_path, {**files, "c": "0"})) == ["b", "c"]


def test_a_sealed_file_that_changed_is_damaged_and_one_without_a_seal_is_not(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    write_manifest(path, {"status": "ok", "share": 0.1, "files": {"a": "b"}})
    assert read_json(path)["status"] == "ok"
    text = path.read_text()
    path.write_text(text.replace("0.1", "0.2"))
    with pytest.raises(ResultsError, match=r"manifest.json: is damaged .* run its stage again"):
        read_json(path)
    assert find_json(path) is None
    write_manifest(path, json.loads(text) | {"status": "failed"})
    assert read_json(path)["status"] == "failed"
    write_json(path, {"status": "ok"})
    assert read_json(path) == {"status": "ok"}


def test_a_broken_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text("{")
    with pytest.raises(ResultsError, match=r"m\.json: is no readable JSON"):
        provenance.read_json(tmp_path / "m.json")
    assert provenance.find_json(tmp_path / "m.json") is None
