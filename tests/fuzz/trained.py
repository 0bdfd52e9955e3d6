"""Policies and files to go on from before their readers."""

import json
from pathlib import Path

import numpy as np
import safetensors.torch
from tiny_cells import random_dataset, values

from qdot.training import checkpoint, resume
from qdot.training.checkpoint import Policy
from qdot.training.trainer import Trainer

WIDTHS = 3, 2
WORK = "this work"


def _trainer(name: str, steps: int = 0) -> Trainer:
    made = Trainer(name, values(name), random_dataset(*WIDTHS), [0])
    for _ in range(steps):
        made.advance()
    return made


def policies(folder: Path) -> list[bytes]:
    """One per kind of network."""
    return [_trainer(name).policies()[0] for name in ("bc", "qdot", "td3_bc")]


def read_policy(folder: Path, content: bytes) -> None:
    """Load it, and act."""
    path = folder / "policy.safetensors"
    path.write_bytes(content)
    policy = Policy.load(path)
    width = policy.model.observation_dim
    generators = [np.random.default_rng(0), np.random.default_rng(1)]
    policy.act(np.zeros((2, width), np.float32), generators=generators)


def descriptions(folder: Path) -> list[bytes]:
    """What a policy file says of itself."""
    return [json.dumps(Policy.from_bytes(_trainer("qdot").policies()[0]).description).encode()]


def read_description(folder: Path, content: bytes) -> None:
    """Any text as the description of a sound policy; text that is no Unicode has no place in the format."""
    tensors = dict(_trainer("qdot").model.tensors_of(0))
    read_policy(folder, checkpoint.join(tensors, content.decode("utf-8", "replace")))


def _saved(folder: Path, steps: int) -> bytes:
    trainer = _trainer("bc", steps)
    trainer.inspect(log=True)
    trainer.advance()
    rows = [{"seed": 0, "step": 0, "episode": 0, "return": 1.0, "value": None}]
    saved = resume.save(trainer, 0, rows, {trainer.step: trainer.policies()[0]})
    saved.write(folder / resume.NAME, WORK)
    return (folder / resume.NAME).read_bytes()


def stopped(folder: Path) -> list[bytes]:
    """A run that was stopped at two places."""
    return [_saved(folder, steps) for steps in (0, 3)]


def read_stopped(folder: Path, content: bytes) -> None:
    """Go on from it for a step."""
    (folder / resume.NAME).write_bytes(content)
    found = resume.read(folder / resume.NAME, WORK)
    if found is not None:
        found.policies(0)
        trainer = _trainer("bc")
        resume.go_on(trainer, [found])
        trainer.advance()


def facts(folder: Path) -> list[bytes]:
    """What such a file says beside its tensors."""
    return [checkpoint.split(_saved(folder, 3))[1].encode()]


def read_facts(folder: Path, content: bytes) -> None:
    """Any text as the facts of a sound file."""
    tensors = safetensors.torch.load(_saved(folder, 3))
    read_stopped(folder, checkpoint.join(tensors, content.decode("utf-8", "replace")))
