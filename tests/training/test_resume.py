"""A run that is stopped, at whatever step, and goes on: the same bytes as one that was not."""

import dataclasses
import itertools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_cells import random_dataset, values, with_dropout

from qdot.algorithms import registry
from qdot.errors import ResultsError
from qdot.training import checkpoint, generations, resume
from qdot.training.family import Member
from qdot.training.loop import Stopped, train_family
from qdot.training.trainer import Trainer

SEEDS = [4, 2, 7]
FILES = ("policy.safetensors", "state.safetensors", "curve.csv")
WORK = "this work"


class Run:
    """Algorithms (all, unless told) on one dataset, in a folder; `go` goes on from what lies there."""

    def __init__(self, top: Path, names: Sequence[str] = tuple(registry.BUILT_IN), **train: Any) -> None:
        self.top, self.names, self.train, self.dataset = top, names, train, random_dataset()

    def folder(self, name: str, seed: int) -> Path:
        return self.top / name / f"seed{seed}"

    def saver(self, name: str) -> Callable[[Trainer], None]:
        def save(trainer: Trainer) -> None:
            policies = trainer.policies()
            for seed in SEEDS:
                rows = [{"seed": seed, "step": 0, "episode": 0, "return": 0.1 + trainer.step, "value": None}]
                saved = resume.save(trainer, seed, rows, {trainer.step: policies[seed]})
                generations.keep(saved, self.folder(name, seed), WORK)

        return save

    def go_back(self) -> None:
        """To the newest step that every seed was saved at; to the start where there is none."""
        folders = [self.folder(name, seed) for name in self.names for seed in SEEDS]
        found = {folder: {saving.step: saving for saving in generations.find(folder, WORK)} for folder in folders}
        step = max(set.intersection(*(set(savings) for savings in found.values())), default=None)
        for folder, savings in found.items():
            generations.go_back(folder, None if step is None else savings[step])

    def member(self, name: str) -> Member:
        folders = {seed: self.folder(name, seed) for seed in SEEDS}
        found = [resume.read(folder / resume.NAME, WORK) for folder in folders.values()]
        saved = [one for one in found if one is not None] or None
        cell = values(name, self.train, **with_dropout(name, 0.1))
        return Member(name, cell, self.dataset, folders, saved=saved, save=self.saver(name))

    def go(self, stop_after: int | None = None, save_seconds: float = 300) -> None:
        left = iter(range(stop_after or 10**6, 0, -1))
        members = [self.member(name) for name in self.names]
        told = lambda: stop_after is not None and next(left) == 1  # noqa: E731
        train_family(members, SEEDS, stop=told, save_seconds=save_seconds)
        for member in members:
            assert member.error is None

    def contents(self) -> dict[str, bytes]:
        paths = [path for file in FILES for path in self.top.glob(f"*/*/{file}")]
        return {str(path.relative_to(self.top)): path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    run = Run(tmp_path_factory.mktemp("undisturbed"))
    run.go()
    contents = run.contents()
    assert len(contents) == len(registry.BUILT_IN) * len(SEEDS) * len(FILES)
    return contents


@pytest.mark.parametrize("stops", [(1, 12), (10,), (39,), (7, 8, 9)])
def test_a_stopped_run_goes_on_to_the_same_bytes(
    stops: tuple[int, ...], undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    """Between rows of the curve, on one (each 10 steps), before the last step, several times."""
    run = Run(tmp_path)
    for steps in stops:
        with pytest.raises(Stopped):
            run.go(stop_after=steps)
        assert not run.contents()
    run.go()
    assert run.contents() == undisturbed


@pytest.mark.slow
def test_a_compiled_run_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    whole, stopped = (Run(tmp_path / name, ["qdot", "iql"], compile_from=1) for name in ("whole", "stopped"))
    whole.go()
    with pytest.raises(Stopped):
        stopped.go(stop_after=12)
    stopped.go()
    assert len(whole.contents()) == 2 * len(SEEDS) * len(FILES)
    assert stopped.contents() == whole.contents()


class Killed(BaseException):
    """As SIGKILL."""


def kill_at_saving(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process end as it begins that saving of a seed."""
    plain, count = generations.keep, itertools.count(1)

    def keep(*given: Any) -> None:
        if next(count) == number:
            raise Killed
        plain(*given)

    monkeypatch.setattr(generations, "keep", keep)


@pytest.mark.slow
def test_a_compiled_run_that_is_killed_between_the_savings_of_two_seeds_goes_on_to_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the first round of savings, all seeds start again; in a later one they go on from the last whole round."""
    whole = Run(tmp_path / "whole", ["bc"], compile_from=1)
    whole.go()
    for number in (2, len(SEEDS) + 2):
        run = Run(tmp_path / str(number), ["bc"], compile_from=1)
        with monkeypatch.context() as patch:
            kill_at_saving(number, patch)
            with pytest.raises(Killed):
                run.go(save_seconds=0)
        assert {saving.step for saving in generations.find(run.folder("bc", SEEDS[0]), WORK)} in ({1}, {1, 2})
        run.go_back()
        run.go()
        assert run.contents() == whole.contents()


def test_the_last_good_weights_come_back(tmp_path: Path) -> None:
    """Those of step 10, where the stop was at step 13: a seed that fails next leaves the same ones."""
    run = Run(tmp_path, ["bc"])
    with pytest.raises(Stopped):
        run.go(stop_after=13)
    saved = [resume.read(run.folder("bc", seed) / resume.NAME, WORK) for seed in SEEDS]
    again, whole = (Trainer("bc", values("bc", **with_dropout("bc", 0.1)), run.dataset, SEEDS) for _ in range(2))
    resume.go_on(again, [one for one in saved if one is not None])
    for _ in range(10):
        whole.advance()
    whole.inspect(log=True)
    good = [again.last_good(seed) for seed in SEEDS]
    assert None not in good
    assert good == [whole.policies()[seed] for seed in SEEDS]


def test_what_was_evaluated_comes_back(tmp_path: Path) -> None:
    run = Run(tmp_path)
    with pytest.raises(Stopped):
        run.go(stop_after=3)
    saved = resume.read(run.folder("qdot", 4) / resume.NAME, WORK)
    assert saved is not None
    row = {"seed": 4, "step": 0, "episode": 0, "return": 3.1, "value": None}
    assert (saved.step, saved.batch, saved.evaluations) == (3, SEEDS, [row])


def test_the_policies_that_are_still_to_be_evaluated_come_back(tmp_path: Path) -> None:
    """Those of step 3, byte for byte, as the strict reader of policies takes them."""
    run = Run(tmp_path, ["bc"])
    with pytest.raises(Stopped):
        run.go(stop_after=3)
    whole = Trainer("bc", values("bc", **with_dropout("bc", 0.1)), run.dataset, SEEDS)
    for _ in range(3):
        whole.advance()
    for seed, policy in whole.policies().items():
        saved = resume.read(run.folder("bc", seed) / resume.NAME, WORK)
        assert saved is not None
        assert saved.policies(seed) == {3: policy}
        with pytest.raises(ResultsError, match=r"pending\.3: is of another seed or step; delete the file"):
            saved.policies(seed + 1)
        wrong = torch.frombuffer(bytearray(policy[:-9]), dtype=torch.uint8)
        forged = dataclasses.replace(saved, tensors={**saved.tensors, "pending.3": wrong})
        with pytest.raises(ResultsError, match=r"of seed \d, pending\.3: is damaged"):
            forged.policies(seed)


def test_a_failed_seed_stays_failed_and_its_mates_stay_as_they_are(tmp_path: Path) -> None:
    def poisoned(trainer: Trainer) -> None:
        with torch.no_grad():
            trainer.model.policy.log_std.unflatten(0, (3, -1))[1] = float("nan")

    def fresh() -> Trainer:
        return Trainer("bc", values("bc"), random_dataset(), SEEDS)

    whole, first, second = fresh(), fresh(), fresh()
    poisoned(whole)
    poisoned(first)
    for trainer, steps in ((whole, 20), (first, 13)):
        for _ in range(steps):
            trainer.advance()
            if trainer.step % 10 == 0:
                trainer.inspect(log=True)
    resume.go_on(second, [resume.save(first, seed, [], {}) for seed in SEEDS])
    assert second.failures.keys() == {2}
    while second.step < 20:
        second.advance()
    second.inspect(log=True)
    assert second.policies() == whole.policies()
    assert str(second.failures[2]) == str(whole.failures[2])
    assert second.last_good(2) == whole.last_good(2)
    for seed in SEEDS:
        found, expected = second.curves[seed], whole.curves[seed]
        assert (list(found.columns), found.rows) == (list(expected.columns), expected.rows)


def test_a_file_of_other_work_is_not_gone_on_from(tmp_path: Path) -> None:
    run = Run(tmp_path)
    with pytest.raises(Stopped):
        run.go(stop_after=2)
    path = run.folder("bc", 4) / resume.NAME
    assert resume.read(path, "other work") is None
    assert resume.read(tmp_path / "absent", WORK) is None


def _flipped(at: float) -> Callable[[bytes], bytes]:
    """Change one bit, at a share of the length."""

    def damage(content: bytes) -> bytes:
        index = int(at * (len(content) - 1))
        return content[:index] + bytes([content[index] ^ 1]) + content[index + 1 :]

    return damage


@pytest.mark.parametrize(
    "damage",
    [lambda content: content[:-7], lambda content: b"", lambda content: content[:40]]
    + [_flipped(at) for at in (0.0, 0.001, 0.01, 0.03, 0.1, 0.5, 1.0)],
)
def test_a_damaged_file_says_so(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    run = Run(tmp_path)
    with pytest.raises(Stopped):
        run.go(stop_after=2)
    path = run.folder("bc", 4) / resume.NAME
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ResultsError, match=r"resume.safetensors: is damaged .* starts again"):
        resume.read(path, WORK)


def stopped(tmp_path: Path) -> Run:
    """A run of bc that was stopped after two steps of its loop."""
    run = Run(tmp_path, ["bc"])
    with pytest.raises(Stopped):
        run.go(stop_after=2)
    return run


def forged(path: Path, **changes: Any) -> None:
    """Change facts of a file to go on from, and let it be whole."""
    tensors, text = checkpoint.split(path.read_bytes())
    path.write_bytes(checkpoint.join(tensors, json.dumps(json.loads(text) | changes)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"step": "2"}, "step, steps: expected whole numbers"),
        ({"step": -1}, "step, steps: expected whole numbers"),
        ({"steps": [5, 3]}, "step, steps: expected whole numbers"),
        ({"steps": [99]}, "step, steps: expected whole numbers"),
        ({"terms": "loss"}, "terms, columns: expected lists of names"),
        ({"terms": ["a", "b", "c"]}, "record: expected a row per step"),
        ({"columns": None}, "terms, columns: expected lists of names"),
        ({"failure": {"error": "x"}}, "failure: expected"),
        ({"failure": {"stage": "train", "error": None, "step": 1, "term": None}}, "failure: expected"),
        ({"failure": {"stage": "train", "error": "x", "step": "1", "term": None}}, "failure: expected"),
        ({"evaluations": [{"return": 1}]}, "evaluations: expected a list of rows, each with seed"),
        ({"evaluations": [{"seed": 4, "step": 2, "episode": 0}]}, "pending: expected no step that was evaluated"),
        ({"pending": 2}, "pending: expected a list of growing steps"),
        ({"pending": [3]}, "pending: expected a list of growing steps"),
        ({"pending": [1]}, "pending: expected a policy of each step"),
        ({"pending": []}, "pending: expected a policy of each step"),
        ({"batch": []}, "batch: expected the seeds that stepped together"),
        ({"batch": [4, 4]}, "batch: expected the seeds that stepped together"),
        ({"batch": [[4]]}, "batch: expected the seeds that stepped together"),
        ({"evaluations": {}}, "evaluations: expected a list of rows"),
        ({"schema": [1]}, None),
        ({"identity": ["this work"]}, None),
    ],
)
def test_forged_facts_are_damage(changes: dict[str, Any], message: str | None, tmp_path: Path) -> None:
    path = stopped(tmp_path).folder("bc", 4) / resume.NAME
    forged(path, **changes)
    if message is None:
        assert resume.read(path, WORK) is None
        return
    with pytest.raises(ResultsError, match=rf"resume\.safetensors: is damaged \({message}.*starts again"):
        resume.read(path, WORK)


@pytest.mark.parametrize("policy", [torch.zeros(4), torch.zeros((2, 2), dtype=torch.uint8)])
def test_pending_policies_that_are_no_bytes_are_damage(policy: torch.Tensor, tmp_path: Path) -> None:
    path = stopped(tmp_path).folder("bc", 4) / resume.NAME
    tensors, text = checkpoint.split(path.read_bytes())
    path.write_bytes(checkpoint.join({**tensors, "pending.2": policy}, text))
    with pytest.raises(ResultsError, match=r"is damaged \(pending: expected bytes\)"):
        resume.read(path, WORK)


def test_a_missing_fact_is_damage(tmp_path: Path) -> None:
    path = stopped(tmp_path).folder("bc", 4) / resume.NAME
    tensors, text = checkpoint.split(path.read_bytes())
    facts = json.loads(text)
    for name in resume.FACTS:
        path.write_bytes(checkpoint.join(tensors, json.dumps({k: v for k, v in facts.items() if k != name})))
        with pytest.raises(ResultsError, match=rf"is damaged \({name}: missing\)"):
            resume.read(path, WORK)


def test_tensors_of_another_model_are_refused_before_any_is_taken(tmp_path: Path) -> None:
    run = stopped(tmp_path)
    saved = [resume.read(run.folder("bc", seed) / resume.NAME, WORK) for seed in SEEDS]
    trainer = Trainer("bc", values("bc", **with_dropout("bc", 0.1)), random_dataset(), SEEDS)
    before = {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}
    for change in (
        {"weight.policy.log_std": torch.zeros(7)},
        {"weight.policy.log_std": saved[2].tensors["weight.policy.log_std"].double()},
        {"weight.more": torch.zeros(1)},
        {"moment.policy.step": torch.zeros(3)},
    ):
        wrong = dataclasses.replace(saved[2], tensors={**saved[2].tensors, **change})
        with pytest.raises(ResultsError, match=r"resume\.safetensors of seed 7: .*delete it"):
            resume.go_on(trainer, [*saved[:2], wrong])
    with pytest.raises(ResultsError, match="step 41: expected at most 40"):
        resume.go_on(trainer, [*saved[:2], dataclasses.replace(saved[2], step=41)])
    for name, tensor in trainer.model.state_dict().items():
        assert torch.equal(tensor, before[name])
