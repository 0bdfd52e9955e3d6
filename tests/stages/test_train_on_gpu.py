"""Beside a GPU: one process trains, the cores of its place play the evaluations, and neither changes a number."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from training_job import TrainingJob

from qdot import gpus, machine
from qdot.stages import train


@pytest.mark.parametrize(
    ("cores", "places", "datasets", "expected"),
    [(16, 1, 18, 16), (16, 8, 18, 2), (16, 8, 2, 8), (4, 8, 18, 1), (None, 1, 18, 1)],
)
def test_the_cores_are_divided_among_the_jobs_that_hold_a_gpu(
    cores: int | None, places: int, datasets: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpus, "devices", lambda: ["0"])
    monkeypatch.setattr(gpus, "places", lambda: places)
    assert machine.training_threads(cores, datasets, 3, 1) == expected


def test_a_job_of_slurm_counts_the_cores_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """The node has more, and Snakemake there says so; the step would ask for them, and be refused."""
    monkeypatch.setattr(gpus, "devices", list)
    assert machine.training_threads(8, 1, 3, 1) == 3
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", "1")
    assert machine.training_threads(8, 1, 3, 1) == 1
    assert machine.training_threads(None, 1, 3, 1) == 1


def test_algorithms_are_dealt_out_to_cores_and_stay_together_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[int, int]] = []
    group: Any = [(None, [0])] * 3
    monkeypatch.setattr(train, "_parts", lambda group, workers: [group] if workers == 1 else [[one] for one in group])
    monkeypatch.setattr(train, "_train_or_fail", lambda ready, device, players: started.append((len(ready), players)))
    monkeypatch.setattr(train, "_side_by_side", lambda families, device, workers: started.append((-1, workers)))
    monkeypatch.setattr(train.STOP, "listen", lambda: None)
    train._train_all([group], "cuda:0", 4)
    train._train_all([group], "cpu", 1)
    train._train_all([group], "cpu", 4)
    assert started == [(3, 4), (3, 1), (-1, 4)]


def test_however_many_play_the_evaluations_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, found = train._train_or_fail, []
    for players in (1, 3):
        job = TrainingJob(tmp_path / str(players), monkeypatch, ("qdot", "bc"))
        monkeypatch.setattr(train, "_train_or_fail", lambda *given, n=players: partial(plain, players=n)(*given[:2]))
        assert job.run() == 0
        found.append(job.contents())
    assert found[0] == found[1]
    assert any(name.endswith("evaluations.csv") and content.count(b"\n") > 1 for name, content in found[0].items())


def test_a_job_holds_a_place_on_a_gpu_while_it_trains_and_takes_none_where_nothing_is_due(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, happened = TrainingJob(tmp_path / "job", monkeypatch, ("bc",), steps=10, evaluate_every=0), list[str]()
    plain, arguments = train._train_or_fail, job.arguments()

    @contextmanager
    def leased() -> Iterator[str]:
        happened.append("taken")
        yield "0"
        happened.append("given back")

    monkeypatch.setattr(gpus, "leased", leased)
    monkeypatch.setattr(train, "_train_or_fail", lambda *given: [happened.append("trained"), plain(*given)])
    monkeypatch.setattr(job, "arguments", lambda: ["auto" if word == "cpu" else word for word in arguments])
    assert job.run() == 0
    assert happened == ["taken", "trained", "given back"]
    assert set(job.statuses()) == {"ok"}
    assert job.run() == 0
    assert len(happened) == 3


def test_snakemake_is_told_of_places_and_memory_unless_a_profile_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "devices", lambda: ["0", "1"])
    monkeypatch.setattr(gpus, "places", lambda: 6)
    told: dict[str, int] = {}
    machine.register(SimpleNamespace(global_resources={}, register_resource=told.__setitem__))
    assert told == {"gpu": 6, "mem_mb": machine.memory_mb()}
    machine.register(SimpleNamespace(global_resources={"gpu": 1, "mem_mb": 1}, register_resource=None))
    monkeypatch.setattr(gpus, "devices", list)
    told.clear()
    machine.register(SimpleNamespace(global_resources={}, register_resource=told.__setitem__))
    assert set(told) == {"mem_mb"}
