"""Algorithms of one dataset that step together: their minibatches and equal critics are computed once."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from qdot.algorithms.actor_critic import ActorCritic, Improved
from qdot.algorithms.base import Batch
from qdot.algorithms.critic import Critic
from qdot.algorithms.networks import factors_in
from qdot.algorithms.optimiser import Learner
from qdot.data.batch import Dataset
from qdot.errors import ParamsError
from qdot.training.device import Clock, Streams
from qdot.training.program import Program, is_long, why_not
from qdot.training.resume import Saved, go_on
from qdot.training.trainer import Evaluate, Outcome, Trainer

COMMON = ("steps", "batch_size", "threads", "compile_from", "precision")  # of section `train`, one value in a family
log = logging.getLogger("qdot")


@dataclass(eq=False)
class Member:
    """One algorithm of a family.

    Attributes:
        algorithm: Name, as in params.yaml.
        values: Resolved cell: sections `train` and `algorithm_values`.
        dataset: Transitions; members that hold the same object share it on the device.
        directories: Where each seed's files go; nothing is written of other seeds.
        evaluate: Gets the policies (bytes by seed, failed seeds left out) and the step, every `train.evaluate_every`
            steps and at the end.
        saved: Where its seeds stopped, in their order and at one step for all of the family; None to start.
        save: Called between two steps, every some minutes and before a stop, to keep where the seeds are.
        trainer: Its model; None before a family has it.
        error: What ended it, with all its seeds.
    """

    algorithm: str
    values: Mapping[str, Any]
    dataset: Dataset
    directories: Mapping[int, Path] = field(default_factory=dict)
    evaluate: Evaluate | None = None
    saved: Sequence[Saved] | None = None
    save: Callable[[Trainer], None] | None = None
    trainer: Trainer | None = field(default=None, init=False)
    error: Exception | None = field(default=None, init=False)

    @contextmanager
    def failing_alone(self) -> Iterator[None]:
        """Let an error end this member, and no other."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever it is, it is kept, and becomes the seeds' failure
            self.error = error

    def outcomes(self, seeds: Sequence[int], seconds: float, compiled: bool) -> list[Outcome]:
        """How each seed's training ended; `seconds` is what the steps of all of them took."""
        if self.error is not None or self.trainer is None:
            return [Outcome(seed, "failed", seconds, self.error) for seed in seeds]
        return [self.trainer.outcome(seed, seconds, compiled) for seed in seeds]


class Family:
    """Members with the same seeds and number of steps.

    Each ends with the same bits as alone: a critic learns nothing from its policies, so those with equal values, on the
    same minibatches, share one.

    Long runs are compiled (`qdot.training.program`), each part of a step on its own, so that it is the same program,
    and gives the same bits, in every family.

    Attributes:
        members: All of them.
        compiled: Whether parts of a step are compiled.
    """

    def __init__(self, members: Sequence[Member], seeds: Sequence[int], device: str = "cpu") -> None:
        """Build every member's model.

        Raises:
            ParamsError: the members differ where they must not.
        """
        for key in COMMON:
            found = {member.values["train"][key] for member in members}
            if len(found) != 1:
                raise ParamsError(f"train.{key}: found {sorted(found, key=str)} in one family, expected one value")
        self.members = list(members)
        self._precision = members[0].values["train"]["precision"]
        self.compiled = _is_compiled(members[0].values["train"], device)
        self._parts: dict[tuple[Learner, str], Callable[..., Any]] = {}
        self._clock = Clock(device)
        self._streams = Streams(device)
        built: list[Trainer] = []
        for member in self.members:
            with member.failing_alone():
                sources = (trainer.source for trainer in built if trainer.source.dataset is member.dataset)
                source = next(sources, None)
                trainer = Trainer(member.algorithm, member.values, member.dataset, seeds, device, source)
                _share_critic(trainer, built)
                if member.saved:
                    go_on(trainer, member.saved)
                built.append(trainer)
                member.trainer = trainer

    def running(self) -> Iterator[tuple[Member, Trainer]]:
        """Members that have steps to do and a seed left."""
        for member in self.members:
            trainer = member.trainer
            if member.error is None and trainer is not None and trainer.alive and trainer.step < trainer.steps:
                yield member, trainer

    def advance(self) -> None:
        """One update of every seed of every running member: critics' first part, policies, critics' last part."""
        aims: dict[Critic, Tensor] = {}
        begun: dict[Critic, dict[str, Tensor]] = {}
        ended: dict[Critic, dict[str, Tensor]] = {}
        terms: dict[Member, dict[str, Tensor]] = {}
        moved: dict[Member, Tensor | None] = {}
        for critic, batch in self._critics():
            with self._failing_together(critic):
                aims[critic] = self._do(critic, critic, "aim", batch)
        for critic, batch in self._critics():
            with self._failing_together(critic), self._streams.beside(critic):
                begun[critic] = self._do(critic, critic, "begin", batch, aims[critic])
        for member, trainer in self.running():
            with member.failing_alone(), self._streams.beside(member, self._before(trainer)):
                terms[member], moved[member] = self._improve(trainer, aims)
        self._streams.join()
        for member, trainer in self.running():
            if (left := moved[member]) is not None:
                with member.failing_alone(), self._streams.beside(member):
                    inputs = trainer.source.batch(trainer.step), left, trainer.step
                    terms[member] |= self._do(trainer, trainer.model, "imitate", *inputs)
        for critic, batch in self._critics():
            with self._failing_together(critic):
                ended[critic] = self._do(critic, critic, "finish", batch)
        self._streams.join()
        for member, trainer in self.running():
            shared = critic_of(trainer)
            trainer.note(begun[shared] | terms[member] | ended[shared] if shared else terms[member])

    def _critics(self) -> list[tuple[Critic, Batch]]:
        """Those of the running members, each once, with the minibatch of the step."""
        found = {}
        for _, trainer in self.running():
            if (critic := critic_of(trainer)) is not None:
                found[critic] = trainer.source.batch(trainer.step)
        return list(found.items())

    @staticmethod
    def _before(trainer: Trainer) -> list[Critic]:
        """Whose first part of the step must be done before a policy's."""
        model = trainer.model
        return [model.critic] if isinstance(model, ActorCritic) and model.reads_value else []

    @contextmanager
    def _failing_together(self, critic: Critic) -> Iterator[None]:
        """Let an error in a critic's step, which may be half done, end every member that uses it."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - as in `Member.failing_alone`
            for member, trainer in self.running():
                if critic_of(trainer) is critic:
                    member.error = error

    def _improve(self, trainer: Trainer, aims: Mapping[Critic, Tensor]) -> Improved:
        """All of a step that reads the critic's Q as it is, or the whole step where there is no such critic."""
        model, batch = trainer.model, trainer.source.batch(trainer.step)
        if not isinstance(model, ActorCritic):
            return self._do(trainer, model, "update", batch, trainer.step), None
        info, moved = self._do(trainer, model, "improve", batch, aims[model.critic], trainer.step)
        return dict(info), moved

    def _do(self, account: Trainer | Critic, owner: Learner, name: str, *inputs: Any) -> Any:
        """Call a part of a step, compiled where it is to be; its time, but not the compiler's, goes to an account."""
        key = owner, name
        with factors_in(self._precision):
            if key not in self._parts:
                self._parts[key] = self._compile(owner, name, inputs) if self.compiled else getattr(owner, name)
            with self._clock.charging(account):
                return self._parts[key](*inputs)

    @staticmethod
    def _compile(owner: Learner, name: str, inputs: tuple[Any, ...]) -> Callable[..., Any]:
        """A part of a step as a program, or as it is where it cannot be one."""
        part: Callable[..., Any] = getattr(owner, name)
        if not owner.traceable:
            log.info("%s is not compiled: it is not traceable", part.__qualname__)
            return part
        program = Program(part, owner, inputs)
        log.info("compiled %s in %.0f s", part.__qualname__, program.seconds)
        return program

    def seconds(self, trainer: Trainer) -> float:
        """What a member's steps took until now, those of its critic included, shared or not."""
        critic = critic_of(trainer)
        return self._clock.seconds(trainer) + (self._clock.seconds(critic) if critic else 0.0)


def _is_compiled(train: Mapping[str, Any], device: str) -> bool:
    """Whether a run of such values is compiled; says why where it is not."""
    if not is_long(train):
        least = train["compile_from"] or "null"
        log.info("not compiled: train.steps is %s, train.compile_from %s", train["steps"], least)
        return False
    reason = why_not(device)
    if reason:
        log.warning("not compiled, so slower and with other last digits: %s", reason)
    return reason is None


def critic_of(trainer: Trainer) -> Critic | None:
    """The critic that a trainer's model may share; None for a model of another kind."""
    return trainer.model.critic if isinstance(trainer.model, ActorCritic) else None


def _share_critic(trainer: Trainer, others: Sequence[Trainer]) -> None:
    """Let a trainer use the critic of the first of the others that has an equal one."""
    model = trainer.model
    if not isinstance(model, ActorCritic):
        return
    for other in (other.model for other in others if other.source is trainer.source):
        if isinstance(other, ActorCritic) and model.has_equal_critic(other):
            model.share_critic(other)
            return
