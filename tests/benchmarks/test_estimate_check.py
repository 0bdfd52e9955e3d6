"""The arithmetic of the estimate's benchmark: predicted over measured, clock by clock."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).parents[2] / "benchmarks/estimate/check.py"


@pytest.fixture
def check() -> ModuleType:
    spec = importlib.util.spec_from_file_location("estimate_check", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_ratio_is_what_was_said_over_what_it_took(check: ModuleType) -> None:
    rows = check.rows_of("job", {"cpu": 30.0, "wall": 20.0}, check.Taken(cpu=40.0, wall=16.0), 0.5)
    assert [(row["clock"], row["predicted"], row["measured"], row["ratio"]) for row in rows] == [
        ("cpu", "30.0", "40.0", "0.750"),
        ("wall", "20.0", "16.0", "1.250"),
    ]


def test_the_clock_is_put_back_whatever_happens(check: ModuleType) -> None:
    before = check.probe.clock
    with pytest.raises(KeyError):
        check.predict([{}], "cpu")
    assert check.probe.clock is before
