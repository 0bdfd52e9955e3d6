"""The training loop: all seeds of the algorithms of one dataset, side by side."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from qdot.data.batch import Dataset
from qdot.provenance import write_atomic
from qdot.training.family import Family, Member
from qdot.training.trainer import Evaluate, Outcome, Trainer

Progress = Callable[[int, int, float], None]
PROGRESS_SECONDS = 10.0


class Stopped(BaseException):
    """Training was told to stop, and every member was saved; no failure of any of them."""


def train(
    algorithm: str,
    values: Mapping[str, Any],
    dataset: Dataset,
    seeds: Sequence[int],
    device: str = "cpu",
    directories: Mapping[int, Path] | None = None,
    evaluate: Evaluate | None = None,
    progress: Progress | None = None,
) -> list[Outcome]:
    """Train all seeds of one algorithm: a family of one (`train_family`), whose own error is raised."""
    member = Member(algorithm, values, dataset, directories or {}, evaluate)
    (outcomes,) = train_family([member], seeds, device, progress)
    if member.error is not None:
        raise member.error
    return outcomes


def train_family(
    members: Sequence[Member],
    seeds: Sequence[int],
    device: str = "cpu",
    progress: Progress | None = None,
    stop: Callable[[], bool] = lambda: False,
    save_seconds: float = 300.0,
) -> list[list[Outcome]]:
    """Train all seeds of several algorithms and write policy.safetensors, state.safetensors and curve.csv of each.

    Args:
        members: The algorithms.
        seeds: Seeds.
        device: Of torch.
        progress: Gets (step, steps, steps per second), about every 10 s and at the end.
        stop: Asked after each step whether to save and stop.
        save_seconds: Time between two calls of each member's `save`.

    Returns:
        Per member one outcome per seed, in order. A seed whose loss or weights are not finite fails alone, with
        curve.csv and, where it had any, last_good.safetensors; a member that raises fails alone, with all its seeds.

    Raises:
        ParamsError: the members differ where they must not.
        Stopped: `stop` said so.
    """
    with threads(members[0].values["train"]["threads"]):
        family = Family(members, seeds, device)
        _run(family, progress or (lambda step, steps, rate: None), stop, save_seconds)
        _save((member, member.trainer) for member in members)  # seeds end one by one: none may have to train alone
        for member in members:
            with member.failing_alone():
                _write(member)
    times = [family.seconds(member.trainer) if member.trainer else 0.0 for member in members]
    return [member.outcomes(seeds, time, family.compiled) for member, time in zip(members, times, strict=True)]


def _run(family: Family, progress: Progress, stop: Callable[[], bool], save_seconds: float) -> None:
    """Advance to the last step, or until every seed has failed."""
    start = reported = saved = time.monotonic()
    done = 0
    while running := list(family.running()):
        family.advance()
        done += 1
        for member, trainer in running:
            with member.failing_alone():
                _look(member, trainer)
        step, steps = running[0][1].step, running[0][1].steps
        now = time.monotonic()
        if step == steps or now - reported >= PROGRESS_SECONDS:
            reported = now
            progress(step, steps, done / (now - start))
        told = stop()
        if told or now - saved >= save_seconds:
            _save(family.running())
            saved = time.monotonic()
        if told:
            raise Stopped


def _save(members: Iterable[tuple[Member, Trainer | None]]) -> None:
    """Keep where members are."""
    for member, trainer in list(members):
        if member.save is not None and member.error is None and trainer is not None:
            with member.failing_alone():
                member.save(trainer)


def _look(member: Member, trainer: Trainer) -> None:
    """After a step: a row of the curves and an evaluation, where they are due."""
    settings, step, last = member.values["train"], trainer.step, trainer.step == trainer.steps
    log = last or step % settings["log_every"] == 0
    due = member.evaluate is not None and settings["evaluate_every"] > 0
    due = due and (last or step % settings["evaluate_every"] == 0)
    if log or due:
        trainer.inspect(log)
    if due and member.evaluate is not None and (policies := trainer.policies()):
        member.evaluate(policies, step)


def _write(member: Member) -> None:
    """Write each seed's files; a failed seed has its curve and its last good weights."""
    trainer = member.trainer
    if member.error is not None or trainer is None:
        return
    policies = trainer.policies()
    for seed, directory in member.directories.items():
        trainer.curves[seed].write(directory / "curve.csv")
        if seed in policies:
            write_atomic(directory / "policy.safetensors", policies[seed])
            write_atomic(directory / "state.safetensors", trainer.state(seed))
        elif good := trainer.last_good(seed):
            write_atomic(directory / "last_good.safetensors", good)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Run with that many torch threads; results depend on it in their last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
