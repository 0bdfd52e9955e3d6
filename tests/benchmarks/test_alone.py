"""Each trainer in a process of its own: what it says, and the rows made of it."""

from collections.abc import Callable
from types import ModuleType

import pytest


@pytest.fixture
def alone(import_from: Callable[[str, str], ModuleType]) -> ModuleType:
    return import_from("speed", "alone")


def test_a_process_says_when_it_has_stepped_and_what_memory_it_took(
    alone: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "src:benchmarks:benchmarks/speed")
    found = alone.taken("iql", steps=1)
    assert found.start > found.first > 0  # imports and networks come before the first step
    assert 0.05 < found.peak < 5
    with pytest.raises(RuntimeError, match="no such"):
        alone.taken("no such")


def test_ratios_are_the_peers_over_ours_and_only_compiled_trainers_have_a_compiler_s_time(alone: ModuleType) -> None:
    names = {name for pair in alone.PAIRS for name in pair} | set(alone.NO_PEER)
    found = {name: [alone.Taken(2.0, 1.0, 0.5)] * 3 for name in names}
    found["torchrl's iql, compiled"] = [alone.Taken(3.0, 4.0, 1.0)] * 3
    rows = {row["metric"]: row for row in alone.rows(found)}
    beside = "iql, compiled, {}beside torchrl's iql, compiled"
    for metric, ratio in [
        (f"start-up: {beside.format('to its first step, ')}", "1.500"),
        (f"start-up: first step of {beside.format('')}", "4.000"),
        (f"memory: {beside.format('')}", "2.000"),
    ]:
        assert rows[metric]["ratio"] == ratio
    assert {row["runs"] for row in rows.values()} == {3}
    assert all("compiled" in metric for metric in rows if "first step of" in metric)
    assert rows["memory: qdot, five seeds"]["peer"] == ""
