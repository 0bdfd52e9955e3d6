"""A file is read again exactly where its stamp changed; the record holds what is there now; no damage is believed."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from qdot import provenance, stamps


@pytest.fixture(autouse=True)
def _own_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    stamps._hashes.cache_clear()
    yield
    stamps._hashes.cache_clear()


def keep(path: Path, text: str, nanoseconds: int = 10**18) -> None:
    path.write_text(text)
    os.utime(path, ns=(nanoseconds, nanoseconds))


def next_run() -> None:
    stamps.save()
    stamps._hashes.cache_clear()


def test_a_file_is_read_again_where_size_or_time_changed_and_not_otherwise() -> None:
    path = Path("file")
    keep(path, "one")
    first = stamps.content(path)
    assert first == provenance.sha256_file(path)
    next_run()
    keep(path, "two")  # as long, and as old
    assert stamps.content(path) == first
    keep(path, "two", 2 * 10**18)
    assert stamps.content(path) == provenance.sha256_file(path) != first
    keep(path, "three", 2 * 10**18)
    assert stamps.content(path) == provenance.sha256_file(path)


def test_the_record_holds_one_entry_per_file_however_often_it_changed() -> None:
    for index in range(5):
        keep(Path("file"), "x" * index, 10**18 + index)
        stamps.content(Path("file"))
        next_run()
    assert list(json.loads(stamps.HASHES.read_text())) == ["file"]


@pytest.mark.parametrize(
    "record", ["", "[]", '{"file": 7}', '{"file": ["a", "b"]}', '{"file:3:1000000000000000000": "0"}']
)
def test_a_damaged_or_older_record_is_not_believed(record: str) -> None:
    keep(Path("file"), "one")
    stamps.HASHES.parent.mkdir(parents=True)
    stamps.HASHES.write_text(record)
    assert stamps.content(Path("file")) == provenance.sha256_file(Path("file"))


def test_what_did_not_change_is_not_written_again() -> None:
    keep(Path("file"), "one")
    stamps.content(Path("file"))
    next_run()
    before = stamps.HASHES.stat().st_ino
    stamps.content(Path("file"))
    next_run()
    assert stamps.HASHES.stat().st_ino == before


def test_a_manifest_is_read_again_where_it_was_replaced() -> None:
    path = Path("cell/manifest.json")
    assert stamps.manifest(path) is None
    for status in ("ok", "failed", "not run"):
        provenance.write_manifest(path, {"status": status, "reason": "x"})
        found = stamps.manifest(path)
        assert found is not None
        assert found["status"] == status
    path.unlink()
    assert stamps.manifest(path) is None
