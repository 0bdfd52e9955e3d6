"""What a stopped run goes on from: all that a seed's files still depend on, in one file per seed.

A run that was stopped at any step, and goes on, ends with the same bytes as one that was not: minibatches, dropout and
other noise are functions of (seed, step), so weights, moments, the terms since the last row of the curve and the
evaluations until then are all there is.
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

from qdot.errors import CellFailure, ResultsError
from qdot.provenance import write_atomic
from qdot.training import checkpoint
from qdot.training.curves import Curve
from qdot.training.trainer import Good, Trainer

NAME = "resume.safetensors"
SCHEMA = 2
SUM = "sha256"  # an entry of the text: of the file as it is without this entry


@dataclass(frozen=True)
class Saved:
    """A seed of a stopped run.

    Attributes:
        step: Steps done.
        tensors: `weight.<name>`, `moment.<optimiser>.<name>` (members of the seed, ...); `record` (steps, terms) since
            the last row of the curve; `curve` (rows, columns), float64; `good.<name>`: its last good weights.
        terms: Names of the record's terms.
        columns: Names of the curve's columns.
        steps: Step of each row of the curve.
        failure: Why and where the seed failed; None where it did not.
        evaluations: Rows of its evaluations until now.
        good: Step of its last good weights; None where it has none.
    """

    step: int
    tensors: Mapping[str, Tensor]
    terms: Sequence[str]
    columns: Sequence[str]
    steps: Sequence[int]
    failure: Mapping[str, Any] | None
    evaluations: Sequence[Mapping[str, Any]]
    good: int | None = None

    def write(self, path: Path, identity: str) -> None:
        """Write the file; `identity` says which work it belongs to."""
        facts = {"schema": SCHEMA, "identity": identity, **{name: getattr(self, name) for name in FACTS}}
        facts[SUM] = _sum(self.tensors, facts)
        write_atomic(path, checkpoint.join(self.tensors, json.dumps(facts)))


FACTS = ("step", "terms", "columns", "steps", "failure", "evaluations", "good")


def _sum(tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> str:
    """SHA-256 of the file that these would be: safetensors itself notices a file that is cut, not one that changed."""
    return hashlib.sha256(checkpoint.join(tensors, json.dumps(facts))).hexdigest()


def read(path: Path, identity: str) -> Saved | None:
    """Read a file of that work; None where there is none, or one of other work.

    Raises:
        ResultsError: it is damaged.
    """
    try:
        tensors, facts = checkpoint.split(path.read_bytes())
        if facts.pop(SUM) != _sum(tensors, facts):
            raise ValueError("its content is not what was written")
    except FileNotFoundError:
        return None
    except (OSError, safetensors.SafetensorError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise ResultsError(f"{path}: is damaged ({error}); this seed starts again") from error
    if facts["schema"] != SCHEMA or facts["identity"] != identity:
        return None
    return Saved(tensors=tensors, **{name: facts[name] for name in FACTS})


def save(trainer: Trainer, seed: int, evaluations: Sequence[Mapping[str, Any]]) -> Saved:
    """A seed of a running trainer, between two steps."""
    index, model, curve = trainer.seeds.index(seed), trainer.model, trainer.curves[seed]
    tensors = {f"weight.{name}": tensor for name, tensor in model.tensors_of(index)}
    tensors |= {f"moment.{name}": tensor for name, tensor in checkpoint.moments_of(model, index).items()}
    tensors["curve"] = torch.tensor([values for _, values in curve.rows], dtype=torch.float64)
    if trainer.record:
        tensors["record"] = torch.stack(trainer.record)[..., index]
    failed, good = trainer.failures.get(seed), trainer.good.get(seed)
    if good is not None:
        tensors |= {f"good.{name}": tensor for name, tensor in good.tensors.items()}
    failure = {key: getattr(failed, key) for key in ("stage", "error", "step", "term")} if failed else None
    steps = [step for step, _ in curve.rows]
    terms, columns = list(trainer.terms), list(curve.columns)
    return Saved(trainer.step, tensors, terms, columns, steps, failure, evaluations, good.step if good else None)


def go_on(trainer: Trainer, saved: Sequence[Saved]) -> None:
    """Put a new trainer to where its seeds stopped.

    Args:
        trainer: Not yet advanced.
        saved: One per seed, in order, all at one step.
    """
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
