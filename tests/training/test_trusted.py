"""A file of weights becomes a model only where its description is plain and its tensors are the model's own."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from tiny_cells import random_dataset, values

from qdot.algorithms import registry
from qdot.errors import QdotError, ResultsError
from qdot.training import checkpoint
from qdot.training.checkpoint import Policy
from qdot.training.trainer import Trainer

Tensors = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def whole() -> bytes:
    return Trainer("qdot", values("qdot"), random_dataset(3, 2), [0]).policies()[0]


def described(content: bytes, **changes: Any) -> bytes:
    """The same weights under another description; of `config`, only the given values change."""
    tensors, text = checkpoint.split(content)
    found = json.loads(text)
    config = found["config"] | changes.pop("config", {})
    return checkpoint.join(tensors, json.dumps(found | {"config": config} | changes))


def refused(content: bytes, message: str) -> None:
    with pytest.raises(QdotError, match=message) as caught:
        Policy.from_bytes(content, "policy.safetensors")
    assert "policy.safetensors: " in str(caught.value) or "found" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"observation_dim": "3"}, "observation_dim: found '3'"),
        ({"observation_dim": 0}, "observation_dim: found 0"),
        ({"action_dim": 2.0}, r"action_dim: found 2\.0"),
        ({"action_dim": 1 << 60}, "action_dim: found"),
        ({"seed": -1}, "seed: found -1"),
        ({"seed": 10**100}, "seed: found"),
        ({"step": None}, "step: found None"),
        ({"algorithm": ["qdot"]}, "algorithm, config: expected"),
        ({"observation_mean": [0.0]}, "observation_mean: expected 3 numbers"),
        ({"observation_mean": "abc"}, "observation_mean: expected 3 numbers"),
        ({"observation_scale": [1.0, 0.0, 1.0]}, "observation_scale: expected numbers above 0"),
        ({"action_low": [1.0, 1e300]}, "action_low: expected 2 numbers"),
        ({"action_low": [9.0, 9.0]}, "action_low, action_high: expected the lower first"),
        ({"action_low": [True, False]}, "action_low: expected 2 numbers"),
        ({"config": {"hidden": "ab"}}, "no policy that this version can read"),
        ({"config": {"hidden": [[32]]}}, "no policy that this version can read"),
        ({"config": {"hidden": [32, 33]}}, "expected positive multiples of 32"),
        ({"config": {"hidden": None}}, "hidden|no policy"),
        ({"config": {"unknown": 1}}, "unexpected keyword argument"),
        ({"config": {"icnn_form": "round"}}, "icnn_form: found 'round'"),
        ({"config": {"best_of_n": 1 << 40}}, r"config\.best_of_n: found 1099511627776"),
        ({"config": {"hidden": [64, 64]}}, "expected float32"),
    ],
)
def test_a_description_that_is_none_is_named(whole: bytes, changes: dict[str, Any], message: str) -> None:
    refused(described(whole, **changes), message)


WIDE = {"action_dim": 1 << 20, "action_low": [-1.0] * (1 << 20), "action_high": [1.0] * (1 << 20)}


@pytest.mark.parametrize(
    "changes", [{"config": {"hidden": [1 << 20] * 2}}, {"config": {"hidden": [32] * 100_000}}, WIDE]
)
def test_a_description_of_more_weights_than_the_file_holds_costs_nothing(whole: bytes, changes: dict[str, Any]) -> None:
    """Some bytes of text can name a network of terabytes, whose weights would first be drawn."""
    refused(described(whole, **changes), "names more weights than the file holds")


def replace(**tensors: torch.Tensor) -> Callable[[Tensors], Tensors]:
    return lambda found: {**found, **tensors}


NAME = "critic.value.output.bias"
CHANGES: dict[str, tuple[Callable[[Tensors], Tensors], str]] = {
    "missing": (lambda found: {k: v for k, v in found.items() if k != NAME}, f"missing: {NAME}"),
    "more": (replace(more=torch.zeros(1)), "unknown: more"),
    "another shape": (replace(**{NAME: torch.zeros(2, 1, 1)}), rf"{NAME}: found float32 \(2, 1, 1\)"),
    "another kind": (replace(**{NAME: torch.zeros(1, 1, 1, dtype=torch.float64)}), rf"{NAME}: found float64"),
    "whole numbers": (replace(**{NAME: torch.zeros(1, 1, 1, dtype=torch.int64)}), rf"{NAME}: found int64"),
    "not a number": (replace(**{NAME: torch.full((1, 1, 1), math.nan)}), rf"{NAME}: holds numbers that are not finite"),
    "infinite": (replace(**{NAME: torch.full((1, 1, 1), math.inf)}), rf"{NAME}: holds numbers that are not finite"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_tensors_that_are_not_the_models_are_named(whole: bytes, case: str) -> None:
    change, message = CHANGES[case]
    tensors, text = checkpoint.split(whole)
    refused(checkpoint.join(change(tensors), text), message)


@pytest.mark.parametrize("text", ["", "[]", "7", "[" * 5000, '{"a": 1, "a": 2}', '{"schema": NaN}', "9" * 5000])
def test_a_description_that_is_no_object_is_refused(whole: bytes, text: str) -> None:
    tensors, _ = checkpoint.split(whole)
    refused(checkpoint.join(tensors, text), "no description by qdot|schema None, expected")


def test_a_header_that_lies_is_refused(whole: bytes) -> None:
    size = int.from_bytes(whole[:8], "little")
    for forged in (
        (1 << 60).to_bytes(8, "little") + whole[8:],
        whole[:8] + whole[8 : 8 + size].replace(b"[0,", b"[9223372036854775807,", 1) + whole[8 + size :],
        whole[:8] + b"\xff" * size + whole[8 + size :],
    ):
        refused(forged, "damaged or no safetensors")


@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_every_algorithm_is_built_within_the_bound(name: str) -> None:
    content = Trainer(name, values(name), random_dataset(3, 2), [0]).policies()[0]
    assert Policy.from_bytes(content).to_bytes() == content


def test_the_bound_does_not_change_how_weights_are_drawn() -> None:
    """The model is drawn as without it: a readout that samples, or a load, sees no other numbers."""
    kind = registry.get("bc")
    plain = Trainer("bc", values("bc"), random_dataset(3, 2), [5]).model
    content = Trainer("bc", values("bc"), random_dataset(3, 2), [5]).policies()[5]
    description = json.loads(checkpoint.split(content)[1])
    made = checkpoint._build(description, dict(plain.state_dict()), "policy")
    assert isinstance(made, kind)
    for key, tensor in plain.state_dict().items():
        assert torch.equal(tensor, made.state_dict()[key])


def test_a_pickle_under_the_right_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "policy.safetensors"
    torch.save({"weight": torch.zeros(2)}, path)
    with pytest.raises(ResultsError, match=r"policy\.safetensors: is damaged or no safetensors"):
        Policy.load(path)


def test_a_file_without_metadata_of_text_is_refused() -> None:
    refused(safetensors.torch.save({"w": torch.zeros(1)}), "no description by qdot")
    refused(safetensors.torch.save({"w": torch.zeros(1)}, {"other": "x"}), "no description by qdot")


def test_what_is_read_acts(whole: bytes) -> None:
    policy = Policy.from_bytes(whole)
    assert np.isfinite(policy.act(np.zeros((2, 3), np.float32))).all()
