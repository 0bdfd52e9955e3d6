"""How tests import the benchmarks' scripts, which are no package."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def import_from(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], ModuleType]]:
    """From a folder of benchmarks and a name to the script, which finds its neighbours; forgotten afterwards."""
    before = set(sys.modules)

    def load(folder: str, name: str) -> ModuleType:
        for path in (FOLDER, FOLDER / folder):
            monkeypatch.syspath_prepend(str(path))
        return importlib.import_module(name)

    yield load
    for name in set(sys.modules) - before:
        if str(FOLDER) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
