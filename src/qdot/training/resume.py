"""What a stopped run goes on from: all that a seed's files still depend on, in one file per seed.

A run that was stopped at any step, and goes on, ends with the same bytes as one that was not: minibatches, dropout and
other noise are functions of (seed, step), so weights, moments, the terms since the last row of the curve, the
evaluations until then and the policies that are still to be evaluated are all there is.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import torch
from torch import Tensor

from qdot import strict_json
from qdot.errors import CellFailure, ResultsError
from qdot.provenance import write_atomic
from qdot.training import checkpoint, trusted
from qdot.training.curves import Curve
from qdot.training.trainer import Good, Trainer

NAME = "resume.safetensors"
SCHEMA = 3
PENDING = "pending."
SUM = "sha256"  # an entry of the text: of the file as it is without this entry


@dataclass(frozen=True)
class Saved:
    """A seed of a stopped run.

    Attributes:
        step: Steps done.
        tensors: `weight.<name>`, `moment.<optimiser>.<name>` (members of the seed, ...); `record` (steps, terms) since
            the last row of the curve; `curve` (rows, columns), float64; `good.<name>`: its last good weights;
            `pending.<step>`: a policy file, uint8.
        terms: Names of the record's terms.
        columns: Names of the curve's columns.
        steps: Step of each row of the curve.
        failure: Why and where the seed failed; None where it did not.
        evaluations: Rows of its evaluations until now.
        batch: Seeds that stepped together, this one among them.
        pending: Steps whose policies are still to be evaluated.
        good: Step of its last good weights; None where it has none.
    """

    step: int
    tensors: Mapping[str, Tensor]
    terms: Sequence[str]
    columns: Sequence[str]
    steps: Sequence[int]
    failure: Mapping[str, Any] | None
    evaluations: Sequence[Mapping[str, Any]]
    batch: Sequence[int]
    pending: Sequence[int] = ()
    good: int | None = None

    def write(self, path: Path, identity: str) -> None:
        """Write the file; `identity` says which work it belongs to."""
        facts = {"schema": SCHEMA, "identity": identity, **{name: getattr(self, name) for name in FACTS}}
        facts[SUM] = _sum(self.tensors, facts)
        write_atomic(path, checkpoint.join(self.tensors, json.dumps(facts)))

    def policies(self, seed: int) -> dict[int, bytes]:
        """By step, the policy files that are still to be evaluated.

        Raises:
            ResultsError, ParamsError: one is no policy of that seed and step.
        """
        found = {}
        for step in self.pending:
            content = self.tensors[f"{PENDING}{step}"].numpy().tobytes()
            origin = f"{NAME} of seed {seed}, {PENDING}{step}"
            description = checkpoint.Policy.from_bytes(content, origin).description
            if (description["seed"], description["step"]) != (seed, step):
                raise ResultsError(f"{origin}: is of another seed or step; delete the file, and the seed starts again")
            found[step] = content
        return found


FAILURE = {"stage", "error", "step", "term"}
FACTS = ("step", "terms", "columns", "steps", "failure", "evaluations", "batch", "pending", "good")


def _sum(tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> str:
    """SHA-256 of the file that these would be: safetensors itself notices a file that is cut, not one that changed."""
    return hashlib.sha256(checkpoint.join(tensors, json.dumps(facts))).hexdigest()


def read(path: Path, identity: str) -> Saved | None:
    """Read a file of that work; None where there is none, or one of other work.

    Raises:
        ResultsError: it is damaged.
    """
    try:
        tensors, text = checkpoint.split(path.read_bytes())
        facts = strict_json.parse(text, finite=False)  # a return may be infinite
        if not isinstance(facts, dict):
            raise ValueError("its facts are no object")
        if (facts.get("schema"), facts.get("identity")) != (SCHEMA, identity):
            return None
        if fault := _fault(facts, tensors):
            raise ValueError(fault)
        if facts.pop(SUM, None) != _sum(tensors, facts):
            raise ValueError("its content is not what was written")
    except FileNotFoundError:
        return None
    except (OSError, safetensors.SafetensorError, KeyError, ValueError) as error:
        raise ResultsError(
            f"{path}: is damaged ({error}); an older saving is gone on from, or the seed starts again"
        ) from error
    return Saved(tensors=tensors, **{name: facts[name] for name in FACTS})


def _fault(facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str | None:
    """What is wrong with a file's facts; None where nothing is."""
    if missing := [name for name in FACTS if name not in facts]:
        return f"{', '.join(missing)}: missing"
    step, failure, rows, good = facts["step"], facts["failure"], facts["evaluations"], facts["good"]
    if type(step) is not int or step < 0 or not trusted.is_steps(facts["steps"], step):
        return "step, steps: expected whole numbers, the rows of the curve before the step"
    if not (strict_json.is_texts(facts["terms"]) and strict_json.is_texts(facts["columns"])):
        return "terms, columns: expected lists of names"
    if not (failure is None or (isinstance(failure, dict) and failure.keys() == FAILURE and _is_failure(**failure))):
        return f"failure: expected {', '.join(sorted(FAILURE))}, or nothing"
    if not (isinstance(rows, list) and all(_is_row(row) for row in rows)):
        return "evaluations: expected a list of rows, each with seed, step and episode"
    if not (good is None or (type(good) is int and 0 <= good <= step)):
        return "good: expected a step before the step, or nothing"
    if not (trusted.is_seeds(facts["batch"]) and facts["batch"]):
        return "batch: expected the seeds that stepped together"
    return _tensor_fault(facts, tensors)


def _is_failure(stage: Any, error: Any, step: Any, term: Any) -> bool:
    """Whether these can be a failure's."""
    texts = isinstance(stage, str) and isinstance(error, str) and (term is None or isinstance(term, str))
    return texts and (step is None or type(step) is int)


def _is_row(value: Any) -> bool:
    """Whether a value can be a row of evaluations."""
    return isinstance(value, dict) and all(type(value.get(key)) is int for key in ("seed", "step", "episode"))


def _tensor_fault(facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str | None:
    """What is wrong with the tensors that are none of a model's; None where nothing is."""
    curve = tensors.get("curve")
    shape = (len(facts["steps"]), len(facts["columns"])) if facts["steps"] else (0,)
    if curve is None or tuple(curve.shape) != shape or curve.dtype != torch.float64:
        return f"curve: expected float64 {shape}"
    record, terms = tensors.get("record"), len(facts["terms"])
    if record is not None and not (record.ndim == 2 and record.shape[1] == terms and record.shape[0] <= facts["step"]):
        return "record: expected a row per step since the last row of the curve"
    return _pending_fault(facts, tensors)


def _pending_fault(facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str | None:
    """What is wrong with the policies that are still to be evaluated; None where nothing is."""
    steps = facts["pending"]
    if not (isinstance(steps, list) and trusted.is_steps(steps, facts["step"])):
        return "pending: expected a list of growing steps before the step"
    if any(row["step"] in steps for row in facts["evaluations"]):
        return "pending: expected no step that was evaluated"
    found = {name: tensor for name, tensor in tensors.items() if name.startswith(PENDING)}
    if found.keys() != {f"{PENDING}{step}" for step in steps}:
        return "pending: expected a policy of each step"
    if any(tensor.ndim != 1 or tensor.dtype != torch.uint8 for tensor in found.values()):
        return "pending: expected bytes"
    return None


def save(trainer: Trainer, seed: int, evaluations: Sequence[Mapping[str, Any]], pending: Mapping[int, bytes]) -> Saved:
    """A seed of a running trainer, between two steps; `pending`: policies still to be evaluated, by step."""
    index, model, curve = trainer.seeds.index(seed), trainer.model, trainer.curves[seed]
    tensors = {f"weight.{name}": tensor for name, tensor in model.tensors_of(index)}
    tensors |= {f"moment.{name}": tensor for name, tensor in checkpoint.moments_of(model, index).items()}
    tensors["curve"] = torch.tensor([values for _, values in curve.rows], dtype=torch.float64)
    if trainer.record:
        tensors["record"] = torch.stack(trainer.record)[..., index]
    failed, good = trainer.failures.get(seed), trainer.good.get(seed)
    if good is not None:
        tensors |= {f"good.{name}": tensor for name, tensor in good.tensors.items()}
    for step, policy in pending.items():
        tensors[f"{PENDING}{step}"] = torch.frombuffer(bytearray(policy), dtype=torch.uint8)
    failure = {key: getattr(failed, key) for key in ("stage", "error", "step", "term")} if failed else None
    steps = [step for step, _ in curve.rows]
    terms, columns = list(trainer.terms), list(curve.columns)
    return Saved(
        trainer.step,
        tensors,
        terms,
        columns,
        steps,
        failure,
        evaluations,
        batch=trainer.seeds,
        pending=sorted(pending),
        good=good.step if good else None,
    )


def _require_fit(trainer: Trainer, seed: int, one: Saved) -> None:
    """Refuse tensors of other names, shapes or kinds than the model's, before any is taken over."""
    model = trainer.model
    index = trainer.seeds.index(seed)
    expected = {f"weight.{name}": tensor for name, tensor in model.tensors_of(index)}
    expected |= {f"moment.{name}": tensor for name, tensor in checkpoint.moments_of(model, index).items()}
    if one.good is not None:
        expected |= {f"good.{name}": tensor for name, tensor in model.tensors_of(index)}
    beside = ("curve", "record", *(f"{PENDING}{step}" for step in one.pending))
    found = {name: tensor for name, tensor in one.tensors.items() if name not in beside}
    fault = trusted.tensor_fault(expected.items(), found, finite=False)
    record = one.tensors.get("record")
    if fault is None and one.step > trainer.steps:
        fault = f"step {one.step:,}: expected at most {trainer.steps:,}"
    if fault is None and record is not None and record.dtype != torch.float32:
        fault = f"record: found {record.dtype}"
    if fault is not None:
        raise ResultsError(f"{NAME} of seed {seed}: {fault}; delete it, and the seed starts again")


def go_on(trainer: Trainer, saved: Sequence[Saved]) -> None:
    """Put a new trainer to where its seeds stopped.

    Args:
        trainer: Not yet advanced.
        saved: One per seed, in order, all at one step.

    Raises:
        ResultsError: a file's tensors are not those of this model.
    """
    for seed, one in zip(trainer.seeds, saved, strict=True):
        _require_fit(trainer, seed, one)
    (trainer.step,) = {seed.step for seed in saved}
    model, parts = trainer.model, [seed.tensors for seed in saved]
    names = [name.removeprefix("weight.") for name in parts[0] if name.startswith("weight.")]
    model.load_state_dict({name: torch.cat([part[f"weight.{name}"] for part in parts]) for name in names})
    for name, optimiser in model.optimisers.items():
        found = {key: [part[key] for part in parts] for key in parts[0] if key.startswith(f"moment.{name}.")}
        joined = {key.rpartition(".")[2]: own[0] if own[0].ndim == 0 else torch.cat(own) for key, own in found.items()}
        optimiser.restore(joined)
    if "record" in parts[0]:
        record = torch.stack([part["record"] for part in parts], dim=-1)
        trainer.record = list(record.to(next(model.parameters()).device).unbind())
    trainer.terms = tuple(saved[0].terms)
    for seed, one in zip(trainer.seeds, saved, strict=True):
        curve = Curve()
        curve.columns = list(one.columns)
        curve.rows = list(zip(one.steps, np.asarray(one.tensors["curve"]).tolist(), strict=True))
        trainer.curves[seed] = curve
        if one.good is not None:
            kept = {name: tensor for name, tensor in one.tensors.items() if name.startswith("good.")}
            kept = {name.removeprefix("good."): tensor for name, tensor in kept.items()}
            trainer.good[seed] = Good(one.good, kept)
        if one.failure:
            trainer.failures[seed] = CellFailure(**one.failure)
