"""The loop: files, failures that stay alone, evaluations, progress, resuming."""

import csv
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_cells import poison_second_seed, random_dataset, values

from qdot.algorithms import registry
from qdot.algorithms.base import Batch
from qdot.algorithms.bc import BC
from qdot.errors import ParamsError
from qdot.training import loop
from qdot.training.checkpoint import Policy
from qdot.training.loop import train
from qdot.training.trainer import Trainer


def directories(top: Path, seeds: list[int]) -> dict[int, Path]:
    return {seed: top / f"seed{seed}" for seed in seeds}


@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_each_seed_gets_its_files_and_a_second_run_equals_the_first(name: str, tmp_path: Path) -> None:
    seeds = [0, 3]
    for attempt in ("a", "b"):
        outcomes = train(
            name, values(name), random_dataset(), seeds, directories=directories(tmp_path / attempt, seeds)
        )
        assert [(outcome.seed, outcome.status, outcome.reason) for outcome in outcomes] == [
            (s, "ok", None) for s in seeds
        ]
    for seed in seeds:
        for file in ("policy.safetensors", "state.safetensors", "curve.csv"):
            first, second = (tmp_path / attempt / f"seed{seed}" / file for attempt in ("a", "b"))
            assert first.read_bytes() == second.read_bytes()
        rows = list(csv.DictReader((tmp_path / "a" / f"seed{seed}" / "curve.csv").open()))
        assert [int(row["step"]) for row in rows] == [10, 20, 30, 40]


def test_a_row_of_the_curve_is_the_mean_since_the_row_before(tmp_path: Path) -> None:
    trainer = Trainer("iql", values("iql"), random_dataset(), [0, 1])
    seen = []
    for _ in range(10):
        trainer.advance()
        seen.append(trainer.record[-1][trainer.terms.index("q_loss"), 1].item())
    trainer.inspect(log=True)
    trainer.curves[1].write(tmp_path / "curve.csv")
    (row,) = csv.DictReader((tmp_path / "curve.csv").open())
    assert float(row["q_loss"]) == pytest.approx(sum(seen) / 10)


def test_qdots_curve_has_the_transport_columns(tmp_path: Path) -> None:
    train("qdot", values("qdot"), random_dataset(), [0], directories={0: tmp_path})
    (*_, row) = csv.DictReader((tmp_path / "curve.csv").open())
    losses = {"value_loss", "transport_loss", "behaviour_loss", "distill_loss", "q_loss"}
    quantiles = {"displacement_q10", "displacement_q50", "displacement_q90"}
    assert set(row) >= {"step", "transport_cost", "q_value", "q_scale", "clipped_share"} | quantiles | losses
    diagnostics = set(row) - {"step", "transport_cost", "q_value", "q_scale", "clipped_share"} - quantiles - losses
    assert {"displacement_over_sd", "map_divergence", "map_surprise", "value_over_bound"} <= diagnostics
    low, middle, high = (float(row[f"displacement_q{q}"]) for q in (10, 50, 90))
    assert 0 < low < middle < high


class Poisoned(BC):
    """BC whose second seed meets a reward that is not finite at step 13 (counted from 1)."""

    def update(self, batch: Batch, step: int) -> dict[str, torch.Tensor]:
        info = super().update(batch, step)
        if step == 12:
            info["policy_loss"] = info["policy_loss"].clone()
            info["policy_loss"][1] = float("nan")
        return info


@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_a_seed_that_fails_fails_alone(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A weight of the second seed becomes NaN after 15 steps; the others' files stay what they are without it."""
    seeds, dataset = [0, 1, 2], random_dataset()
    train(name, values(name), dataset, seeds, directories=directories(tmp_path / "healthy", seeds))
    poison_second_seed(monkeypatch)
    calls: list[tuple[int, list[int]]] = []
    outcomes = train(
        name,
        values(name),
        dataset,
        seeds,
        directories=directories(tmp_path / "sick", seeds),
        evaluate=lambda policies, step: calls.append((step, sorted(policies))),
    )
    assert [outcome.status for outcome in outcomes] == ["ok", "failed", "ok"]
    reason = outcomes[1].reason
    assert reason is not None
    assert (reason.stage, reason.step) == ("train", 16)
    assert reason.term is not None
    assert reason.term.endswith(("loss", "value"))
    assert calls == [(20, [0, 2]), (40, [0, 2])]
    for seed in (0, 2):
        for file in ("policy.safetensors", "state.safetensors", "curve.csv"):
            healthy, sick = (tmp_path / kind / f"seed{seed}" / file for kind in ("healthy", "sick"))
            assert healthy.read_bytes() == sick.read_bytes()
    kept = tmp_path / "sick/seed1"
    assert sorted(path.name for path in kept.iterdir()) == ["curve.csv", "last_good.safetensors"]
    assert Policy.load(kept / "last_good.safetensors").description["step"] == 10
    assert len((tmp_path / "sick/seed1/curve.csv").read_text().splitlines()) == 2  # up to step 10


def test_the_first_bad_step_and_term_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "get", lambda name: Poisoned)
    _, outcome = train("bc", values("bc"), random_dataset(), [0, 1])
    assert outcome.reason is not None
    assert (outcome.reason.step, outcome.reason.term) == (13, "policy_loss")


def test_training_stops_when_every_seed_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []
    dataset = random_dataset()
    dataset.rewards[:] = float("nan")
    plain = Trainer.note
    monkeypatch.setattr(Trainer, "note", lambda self, info: (plain(self, info), steps.append(self.step)))
    outcomes = train("iql", values("iql"), dataset, [0, 1])
    assert [outcome.status for outcome in outcomes] == ["failed", "failed"]
    assert all(outcome.reason is not None and outcome.reason.term == "q_loss" for outcome in outcomes)
    assert steps[-1] == 10


def test_weights_that_end_not_finite_are_a_failure() -> None:
    trainer = Trainer("bc", values("bc"), random_dataset(), [0, 1])
    with torch.no_grad():
        trainer.model.policy.log_std[1] = float("inf")
    assert list(trainer.policies()) == [0]
    assert trainer.failures[1].term == "weights policy.log_std"


def test_evaluations_fall_on_multiples_and_on_the_last_step() -> None:
    calls: list[int] = []
    settings = {"steps": 25, "evaluate_every": 10, "log_every": 7}
    train("bc", values("bc", settings), random_dataset(), [0], evaluate=lambda policies, step: calls.append(step))
    assert calls == [10, 20, 25]
    settings["evaluate_every"] = 0
    train("bc", values("bc", settings), random_dataset(), [0], evaluate=lambda policies, step: calls.append(step))
    assert calls == [10, 20, 25]


def test_evaluating_changes_nothing(tmp_path: Path) -> None:
    for kind, every in (("with", 5), ("without", 0)):
        settings = {"evaluate_every": every}
        train(
            "qdot",
            values("qdot", settings),
            random_dataset(),
            [0],
            directories={0: tmp_path / kind},
            evaluate=lambda policies, step: None,
        )
    for file in ("policy.safetensors", "curve.csv"):
        assert (tmp_path / "with" / file).read_bytes() == (tmp_path / "without" / file).read_bytes()


def test_progress_is_told_about_every_ten_seconds_and_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 3))
    monkeypatch.setattr(loop.time, "monotonic", lambda: next(clock))
    told: list[tuple[Any, ...]] = []
    train("bc", values("bc", {"steps": 10}), random_dataset(), [0], progress=lambda *now: told.append(now))
    assert told == [(4, 10, 4 / 12), (8, 10, 8 / 24), (10, 10, 10 / 30)]


def test_training_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    train("qdot", values("qdot", {"steps": 3}), random_dataset(), [0])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_a_dataset_smaller_than_a_batch_works(name: str) -> None:
    (outcome,) = train(name, values(name, {"steps": 5}), random_dataset(size=5), [0])
    assert outcome.status == "ok"


def test_an_unknown_value_is_refused_before_training() -> None:
    with pytest.raises(ParamsError, match="unknown key 'tau'"):
        train("bc", values("bc", tau=1), random_dataset(), [0])
