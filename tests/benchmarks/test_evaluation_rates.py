"""The arithmetic of the evaluation benchmark, and its check that the peer does the same work."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks/evaluation"


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch):
    """The benchmark's scripts, which import each other by name; forgotten afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(FOLDER.parent))
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module("rates"), importlib.import_module("ways")
    for name in set(sys.modules) - before:
        if str(FOLDER.parent) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def test_a_ratio_is_the_median_of_the_runs_ratios_and_higher_is_better(
    scripts: tuple[ModuleType, ModuleType],
) -> None:
    row = scripts[0].row("m", [2.0, 4.0, 1.0], [4.0, 4.0, 16.0], 100, 0.85)
    assert (row["ours"], row["peer"], row["ratio"], row["runs"]) == ("50.0", "25.0", "2.000", 3)


def test_a_bare_loop_that_ends_elsewhere_is_refused(scripts: tuple[ModuleType, ModuleType]) -> None:
    rates, ways = scripts
    environments = rates.make_environments("HalfCheetah-v4", ways.BLOCK)
    actions = ways.draw_actions(environments[0], 5)
    motors, end = ways.commands(environments, actions)
    assert ways.bare(environments, motors, end) > 0
    with pytest.raises(RuntimeError, match="ended elsewhere"):
        ways.bare(environments, motors + 0.1, end)
    assert np.ptp(end[:, 0]) > 0
