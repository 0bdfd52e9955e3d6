"""The digest of code changes when the work would give something else, and only then."""

import sys
from pathlib import Path

import pytest

from qdot import closure


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An importable package `outside` with a module that imports another."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "entry.py").write_text(
        '"""Doc."""\nimport numpy\nfrom outside import helper\n\ndef f():\n    """Doc."""\n    return helper.x\n'
    )
    (folder / "helper.py").write_text("x = 1\n")
    (folder / "unrelated.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.partition(".")[0] == "outside"]:
        monkeypatch.delitem(sys.modules, name)
    return folder


def fresh_digest() -> str:
    closure.code_digest.cache_clear()
    closure._parsed.cache_clear()
    return closure.code_digest("outside.entry")


def test_comments_and_docstrings_do_not_count(package: Path) -> None:
    before = fresh_digest()
    text = (package / "entry.py").read_text().replace('"""Doc."""', '"""Other."""') + "# a comment\n"
    (package / "entry.py").write_text(text)
    assert fresh_digest() == before


def test_an_imported_modules_code_counts_and_an_unrelated_ones_does_not(package: Path) -> None:
    before = fresh_digest()
    (package / "unrelated.py").write_text("x = 2\n")
    assert fresh_digest() == before
    (package / "helper.py").write_text("x = 2\n")
    assert fresh_digest() != before


def test_a_relatively_imported_module_counts(package: Path) -> None:
    (package / "entry.py").write_text("from .helper import x\nfrom . import unrelated\n")
    before = fresh_digest()
    (package / "helper.py").write_text("x = 3\n")
    after = fresh_digest()
    assert after != before
    (package / "unrelated.py").write_text("x = 3\n")
    assert fresh_digest() != after


def test_imported_packages_are_versioned(package: Path) -> None:
    assert set(closure.package_versions("outside.entry")) == {"numpy"}


def test_a_closure_stops_where_it_is_told(package: Path) -> None:
    modules, _ = closure.import_closure(["outside.entry"], stop=["outside.helper"])
    assert set(modules) == {"outside", "outside.entry"}
