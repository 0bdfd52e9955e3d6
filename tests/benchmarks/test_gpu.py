"""The measurement on a GPU, all of it, done on the CPU with small numbers."""

from collections.abc import Callable
from types import ModuleType

import pytest

FEW = ("cpu", False, 2, 0.01, 1, 2, (1, 2, 3), (1, 2), 0.01)


def test_it_measures_every_row_that_has_a_goal_and_processes_that_share(
    import_from: Callable[[str, str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu = import_from("speed", "gpu")
    monkeypatch.setenv("PYTHONPATH", "src:benchmarks:benchmarks/speed")
    monkeypatch.setitem(gpu.GOALS, "rate", 1)  # a busy CPU beside a GPU's goal would be rounded to nothing
    how = gpu.How(*FEW)
    found = {row["metric"]: row for row in gpu.rows(how)}
    for name, metric in gpu.metrics(how).items():
        assert float(found[metric]["ours"]) > 0.0
        assert float(found[metric]["ratio"]) > 0.0
        assert float(found[metric]["goal"]) == (1.0 if name == "rate" else gpu.GOALS[name])
    rates = [float(found[f"GPU training: qdot, {count} models in one process"]["ours"]) for count in how.models]
    assert min(rates) > 0.0
    for count in how.models:
        shares = [
            row for metric, row in found.items() if metric.startswith(f"GPU training: qdot, {count} models in one")
        ]
        assert [row["unit"] for row in shares] == ["seed-steps/s", "%", "%"]
        assert all(float(row["ours"]) > 0.0 for row in shares)
    shared = [row for metric, row in found.items() if metric.endswith("processes at once")]
    assert len(shared) == 2
    assert all(float(row["ours"]) > 0.0 for row in shared)
    assert sum(row["precision"] == "bfloat16" for row in found.values()) == 1


def test_where_there_is_no_gpu_the_rows_with_goals_say_so(
    import_from: Callable[[str, str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu = import_from("speed", "gpu")
    kept: list[dict[str, object]] = []
    monkeypatch.setattr("sys.argv", ["gpu.py"])
    monkeypatch.setattr(gpu.torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(gpu.table, "publish", lambda rows: kept.extend(rows))
    assert gpu.main() == 0
    assert [row["ours"] for row in kept] == ["not measured"] * 3
    assert [row["goal"] for row in kept] == [1.0, 25, 5]
