"""Algorithms by name."""

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from qdot.algorithms import registry
from qdot.algorithms.base import Algorithm
from qdot.algorithms.bc import BC
from qdot.errors import ParamsError


@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_every_built_in_is_an_algorithm_of_its_name(name: str) -> None:
    found = registry.get(name)
    assert issubclass(found, Algorithm)
    assert found.name == name
    assert found.__module__ == registry.entry_module(name)


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(ParamsError, match=r"'qdott' is not built; expected one of: .*bc, .*iql, .*qdot"):
        registry.get("qdott")


@pytest.fixture
def unread() -> Iterator[None]:
    """The registry before it has read the installed packages; it reads them anew afterwards."""
    registry._locations.cache_clear()
    yield
    registry._locations.cache_clear()


@pytest.mark.usefixtures("unread")
def test_an_entry_point_adds_an_algorithm(monkeypatch: pytest.MonkeyPatch) -> None:
    added = [EntryPoint("mine", "qdot.algorithms.bc:BC", registry.GROUP), EntryPoint("bad", "math:pi", registry.GROUP)]
    monkeypatch.setattr(registry, "entry_points", lambda group: added if group == registry.GROUP else [])
    assert registry.get("mine") is BC
    assert "mine" in registry.names()
    with pytest.raises(ParamsError, match="math:pi is 3"):
        registry.get("bad")


def test_looking_up_a_module_imports_no_torch() -> None:
    code = (
        "import sys; from qdot.algorithms.registry import entry_module as e; e('qdot'); print('torch' in sys.modules)"
    )
    environment = {"PYTHONPATH": str(Path(registry.__file__).parents[2]), "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "False"
