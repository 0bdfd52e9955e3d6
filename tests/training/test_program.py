"""Programs: what is traced and compiled does as the plain code does, on the same state."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_cells import poison_second_seed, random_dataset, values, with_dropout
from torch import Tensor

from qdot.algorithms import registry
from qdot.errors import CellFailure, QdotError
from qdot.training import family
from qdot.training.checkpoint import Policy
from qdot.training.family import Family, Member
from qdot.training.loop import train, train_family
from qdot.training.program import Captured, Program
from qdot.training.trainer import Trainer

STEPS = 6
NEAR = 1e-5  # relative bound of compiled runs: some twenty times what was found (5e-7)
ALTERNATIVES = [
    ("qdot", {"icnn_form": "joint", "icnn_weights": "projection", "icnn_activation": "elu", "twin_q": "mean"}),
    ("qdot", {"behaviour": "mixture", "map_actions": "behaviour", "map_critic": "target", "q_scale": "mean_q"}),
    ("no_icnn", {"rung": "potential", "cost": "distance", "distill_target": "clipped"}),
    ("adversarial_map", {"dual": "w2", "behaviour": "mixture"}),
]
TRACEABLE = [name for name in registry.BUILT_IN if registry.get(name).traceable]
CASES = [(name, with_dropout(name, 0.1)) for name in TRACEABLE] + ALTERNATIVES


def as_traced(graph: torch.fx.GraphModule, examples: list[Tensor]) -> Callable[..., Sequence[Tensor]]:
    """A compiler that leaves the operations as they are."""
    return graph


def trainer(name: str, own: dict[str, Any]) -> Trainer:
    return Trainer(name, values(name, **own), random_dataset(5, 3), [0, 1, 2])


def everything(model: torch.nn.Module) -> dict[str, Tensor]:
    return dict(model.state_dict())


@pytest.mark.parametrize(("name", "own"), CASES)
def test_a_traced_step_is_the_plain_step(name: str, own: dict[str, Any]) -> None:
    plain, traced = trainer(name, own), trainer(name, own)
    before = everything(traced.model)
    before = {key: tensor.clone() for key, tensor in before.items()}
    program = Program(traced.model.update, traced.model, (traced.source.batch(0), 0), as_traced)
    for key, tensor in everything(traced.model).items():
        assert torch.equal(tensor, before[key]), key  # tracing steps nothing
    for step in range(STEPS):
        expected = plain.model.update(plain.source.batch(step), step)
        found = program(traced.source.batch(step), step)
        assert list(found) == list(expected)
        for term, value in expected.items():
            torch.testing.assert_close(found[term], value, rtol=1e-4, atol=1e-5, msg=f"{term} at step {step}")
    changed = 0
    for key, tensor in everything(plain.model).items():
        torch.testing.assert_close(everything(traced.model)[key], tensor, rtol=1e-4, atol=1e-5)
        changed += not torch.equal(tensor, before[key])
    assert changed > 0
    for optimiser in plain.model.optimisers:
        for key, moment in plain.model.optimisers[optimiser].moments.items():
            torch.testing.assert_close(traced.model.optimisers[optimiser].moments[key], moment, rtol=1e-4, atol=1e-6)


def test_the_step_is_read_anew_at_each_call() -> None:
    cell = trainer("bc", {"actor_dropout": 0.5})
    program = Program(cell.model.update, cell.model, (cell.source.batch(0), 0), as_traced)
    start = {key: tensor.clone() for key, tensor in everything(cell.model).items()}
    losses = []
    for step in (0, 1):  # the same weights and rows: only the dropout of the step differs
        cell.model.load_state_dict(start)
        losses.append(program(cell.source.batch(0), step)["policy_loss"])
    assert not torch.equal(*losses)


def test_a_step_that_branches_on_its_number_cannot_be_traced() -> None:
    cell = trainer("td3_bc", {})
    with pytest.raises(QdotError, match=r"TD3BC.update cannot be compiled .*compile_from: null"):
        Program(cell.model.update, cell.model, (cell.source.batch(0), 0), as_traced)


def test_a_tensor_from_elsewhere_is_refused() -> None:
    cell = trainer("bc", {})
    stray = torch.randn(3)

    def update(batch: Any, step: Any) -> dict[str, Tensor]:
        return {name: value + stray for name, value in cell.model.update(batch, step).items()}

    with pytest.raises(QdotError, match="no weight, buffer or input"):
        Program(update, cell.model, (cell.source.batch(0), 0), as_traced)


def test_a_captured_function_replays_on_its_own_memory() -> None:
    state, runs = torch.zeros(2), []

    def run(held: Tensor, given: Tensor, number: Tensor) -> list[Tensor]:
        held += given
        return [held * 10 + number]

    def capture(function: Callable[[], Sequence[Tensor]]) -> tuple[Callable[[], None], Sequence[Tensor]]:
        results = [result.clone() for result in function()]  # as a warm-up does: it steps the state

        def replay() -> None:
            runs.append(1)
            for result, value in zip(results, function(), strict=True):
                result.copy_(value)

        return replay, results

    first = torch.ones(2)
    captured = Captured(run, [state], [first, torch.tensor(0.0)], capture)
    assert torch.equal(state, torch.zeros(2))
    first.fill_(2.0)
    (found,) = captured(first, 1)  # read where it lies, and a number
    assert found.tolist() == [21.0, 21.0]
    (later,) = captured(torch.full((2,), 3.0), 2.5)  # copied there
    assert state.tolist() == [5.0, 5.0]
    assert later.tolist() == [52.5, 52.5]
    assert found is later  # each call overwrites the results of the one before
    assert len(runs) == 2


def compiling(steps: int, compile_from: int | None) -> Family:
    cell = values("bc", {"steps": steps, "compile_from": compile_from})
    return Family([Member("bc", cell, random_dataset())], [0, 1])


def test_runs_are_compiled_from_a_length_on_and_short_ones_say_that_they_are_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, "qdot"):
        assert compiling(40, 40).compiled
        assert not caplog.records
        assert not compiling(39, 40).compiled
        assert not compiling(40, None).compiled
    assert [record.getMessage() for record in caplog.records] == [
        "not compiled: train.steps is 39, train.compile_from 40",
        "not compiled: train.steps is 40, train.compile_from null",
    ]


def test_without_a_compiler_a_run_is_plain_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(family, "why_not", lambda device: "there is no C++ compiler")
    with caplog.at_level(logging.WARNING, "qdot"):
        assert not compiling(40, 40).compiled
    assert "there is no C++ compiler" in caplog.text


def test_a_compiled_run_ends_near_the_plain_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    curves = {}
    for compile_from in (None, 1):
        cell = values("bc", {"steps": 20, "compile_from": compile_from})
        member = Member("bc", cell, random_dataset(), {0: tmp_path / str(compile_from)})
        with caplog.at_level(logging.INFO, "qdot"):
            (outcomes,) = train_family([member], [0, 1])
        assert member.error is None
        assert [outcome.status for outcome in outcomes] == ["ok", "ok"]
        curves[compile_from] = (tmp_path / str(compile_from) / "curve.csv").read_text()
        assert ("compiled BC.update in" in caplog.text) is (compile_from == 1)
    plain, compiled = ([float(x) for x in text.split("\n")[-2].split(",")] for text in curves.values())
    assert compiled == pytest.approx(plain, rel=1e-3, abs=1e-4)


def off(found: Tensor, expected: Tensor) -> float:
    """The largest difference, as a share of the largest number expected."""
    return float((found - expected).abs().max() / expected.abs().max().clamp(min=1e-12))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["qdot", "iql"])
def test_compiled_losses_gradients_and_weights_stay_near_the_plain_ones(name: str) -> None:
    """torch's compiler beside the plain code, 40 steps from the same weights: rounding apart, the same run.

    After one step the first moment is (1 - beta1) times the gradient, so its bound is one of gradients.
    """
    train, own = {"steps": 40}, with_dropout(name, 0.1)
    plain, compiled = (
        Family([Member(name, values(name, train | {"compile_from": least}, **own), random_dataset(5, 3))], [0, 1, 2])
        for least in (None, 1)
    )
    assert (plain.compiled, compiled.compiled) == (False, True)
    trainers = [family.members[0].trainer for family in (plain, compiled)]
    assert all(trainer is not None for trainer in trainers)
    mine, theirs = (trainer for trainer in trainers if trainer is not None)
    for step in range(40):
        for run in (plain, compiled):
            run.advance()
            assert run.members[0].error is None
        assert theirs.terms == mine.terms
        for term, found, expected in zip(mine.terms, theirs.record[-1], mine.record[-1], strict=True):
            torch.testing.assert_close(found, expected, rtol=NEAR, atol=NEAR / 10, msg=f"{term} at step {step}")
        if step == 0:
            for key, optimiser in mine.model.optimisers.items():
                moment = theirs.model.optimisers[key].moments["exp_avg"]
                assert off(moment, optimiser.moments["exp_avg"]) < NEAR, key
    for key, tensor in everything(mine.model).items():
        assert off(everything(theirs.model)[key], tensor) < NEAR, key


@pytest.mark.slow
@pytest.mark.parametrize("name", ["qdot", "bc"])
def test_a_seed_that_fails_in_a_compiled_run_fails_alone(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = values(name, {"compile_from": 1, "steps": 30})
    folders = {kind: {seed: tmp_path / kind / str(seed) for seed in (0, 1, 2)} for kind in ("healthy", "sick")}
    train(name, few, random_dataset(), [0, 1, 2], directories=folders["healthy"])
    poison_second_seed(monkeypatch)
    outcomes = train(name, few, random_dataset(), [0, 1, 2], directories=folders["sick"])
    assert [(outcome.status, outcome.compiled) for outcome in outcomes] == [
        ("ok", True),
        ("failed", True),
        ("ok", True),
    ]
    reason = outcomes[1].reason
    assert isinstance(reason, CellFailure)
    assert reason.step == 16
    for seed in (0, 2):
        healthy, sick = (folders[kind][seed] / "policy.safetensors" for kind in ("healthy", "sick"))
        assert healthy.read_bytes() == sick.read_bytes()
    assert Policy.load(folders["sick"][1] / "last_good.safetensors").description["step"] == 10


@pytest.mark.slow
def test_compiled_algorithms_end_with_the_same_bytes_in_a_family_as_alone(tmp_path: Path) -> None:
    dataset, train = random_dataset(), {"steps": 20, "compile_from": 1}

    def run(names: list[str], top: Path) -> None:
        members = [Member(name, values(name, train), dataset, {0: top / name}) for name in names]
        for member, outcomes in zip(members, train_family(members, [0, 1]), strict=True):
            assert member.error is None
            assert [outcome.status for outcome in outcomes] == ["ok", "ok"]

    names = ["qdot", "iql", "adversarial", "td3_bc"]  # the last stays plain
    run(names, tmp_path / "together")
    for name in names:
        run([name], tmp_path / "alone")
        for file in ("policy.safetensors", "state.safetensors", "curve.csv"):
            together, alone = (tmp_path / how / name / file for how in ("together", "alone"))
            assert together.read_bytes() == alone.read_bytes()
