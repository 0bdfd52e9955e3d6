"""Beside a GPU: one process trains, the cores of its place play the evaluations, and neither changes a number."""

from functools import partial
from pathlib import Path
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
