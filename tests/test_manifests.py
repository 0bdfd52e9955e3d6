"""A manifest is believed where every value is of the kind that stages write, and leads nowhere else."""

from pathlib import Path
from typing import Any

import pytest

from qdot.errors import ResultsError
from qdot.manifests import find_manifest, find_record, read_manifest
from qdot.provenance import damaged_files, is_inside, read_json, sha256_file, write_json

GOOD = {"status": "ok", "reason": None, "digest": "d" * 64, "files": {"a.csv": "0" * 64}, "inputs": {"source": None}}
FAILURE = {"stage": "train", "error": "loss is nan", "step": 3}
BAD: dict[str, Any] = {
    "a list": [GOOD],
    "no status": {"digest": "d"},
    "an unknown status": GOOD | {"status": "fine"},
    "a status that is no text": GOOD | {"status": ["ok"]},
    "a digest that is a number": GOOD | {"digest": 1},
    "files that are a list": GOOD | {"files": ["a.csv"]},
    "a checksum that is none": GOOD | {"files": {"a.csv": 5}},
    "a file above": GOOD | {"files": {"../a.csv": "0"}},
    "a file above, hidden": GOOD | {"files": {"b/../../a.csv": "0"}},
    "a file from the root": GOOD | {"files": {"/etc/passwd": "0"}},
    "a file with a null byte": GOOD | {"files": {"a\0b": "0"}},
    "the folder itself": GOOD | {"files": {".": "0"}},
    "inputs that are a text": GOOD | {"inputs": "x"},
    "a reason without an error": GOOD | {"status": "failed", "reason": {"stage": "train"}},
    "a step that is a text": GOOD | {"status": "failed", "reason": FAILURE | {"step": "ok"}},
    "a step beyond any": GOOD | {"status": "failed", "reason": FAILURE | {"step": 10**400}},
    "a term that is a list": GOOD | {"status": "failed", "reason": FAILURE | {"term": []}},
    "a name that no file system takes": GOOD | {"files": {"a" * 256: "0"}},
    "a path that no file system takes": GOOD | {"files": {"a/" * 600 + "b": "0"}},
    "an empty reason": GOOD | {"status": "failed", "reason": {"error": "\n"}},
    "accepted that is no list of objects": GOOD | {"accepted": ["x"]},
    "needed keys that are missing": {"status": "ok"},
    "a needed key that is null": GOOD | {"files": None},
    "null where a failure has an object": {"status": "failed", "reason": FAILURE, "files": None},
    "a subset that is a list": GOOD | {"subset": ["iql"]},
    "a subset of a text": GOOD | {"subset": {"algorithm": "iql"}},
}


@pytest.mark.parametrize("case", BAD)
def test_a_value_of_another_kind_makes_it_damaged(case: str, tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    write_json(path, BAD[case])
    assert find_manifest(path, "digest", "files") is None
    with pytest.raises(ResultsError, match=r"manifest\.json: .*run its stage again"):
        read_manifest(path, "digest", "files")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"status": "failed", "reason": FAILURE},
        {"status": "not run", "reason": "x"},
        {"status": "failed", "reason": FAILURE, "replay": None, "raw_sha256": None},
        {"licence": None, "fetched_from": None},
    ],
)
def test_what_stages_write_is_read(changes: dict[str, Any], tmp_path: Path) -> None:
    write_json(tmp_path / "manifest.json", GOOD | changes)
    assert read_manifest(tmp_path / "manifest.json", "digest", "files") == GOOD | changes


def test_only_a_result_needs_the_keys(tmp_path: Path) -> None:
    write_json(tmp_path / "manifest.json", {"status": "not run", "reason": "no data"})
    assert find_manifest(tmp_path / "manifest.json", "digest", "files") is not None


def test_a_record_that_is_none_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "runtime.json"
    for text in ("[1]", "7", "{", '{"a": NaN}'):
        path.write_text(text)
        assert find_record(path) == {}
    assert find_record(tmp_path / "absent.json") == {}
    path.write_text('{"seconds": 1.5}')
    assert find_record(path) == {"seconds": 1.5}


def test_a_file_outside_is_damaged_and_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    folder = tmp_path / "folder"
    folder.mkdir()
    names = ("../secret", str(tmp_path / "secret"), "x/../../secret", "a\0b")
    assert list(damaged_files(folder, dict.fromkeys(names, sha256_file(tmp_path / "secret")))) == list(names)


@pytest.mark.parametrize(
    ("name", "inside"),
    [("a.csv", True), ("a/b.csv", True), ("..a", True), ("./a", True), ("..", False), ("a/..", False), ("/a", False)],
)
def test_inside_is_what_stays_in_a_folder(name: str, inside: bool) -> None:
    assert is_inside(name) is inside


@pytest.mark.parametrize("text", ["{", "[" * 5000, '{"a": 1, "a": 2}', "NaN", "\ufeff{}", "9" * 5000, "\0"])
def test_damaged_json_names_its_file(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(ResultsError, match=r"x\.json: is no readable JSON .*delete it and run its stage again"):
        read_json(tmp_path / "x.json")
