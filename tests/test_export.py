"""An ONNX file acts as its policy does, says what it is, and refuses what it cannot be."""

import dataclasses
import importlib.util
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_cells import random_dataset, trained

from qdot.algorithms import registry
from qdot.algorithms.optimiser import Constrained
from qdot.errors import PackageError, ParamsError, ResultsError
from qdot.export import to_onnx
from qdot.training.checkpoint import Policy

TOP = Path(__file__).parents[1]
Case = tuple[str, str, dict[str, Any]]
VARIANTS: list[Case] = [
    ("qdot", "distill", {}),
    ("qdot", "map", {"behaviour": "mixture", "icnn_activation": "elu", "icnn_weights": "projection"}),
    ("qdot", "map", {"icnn_form": "joint", "fixed_quadratic": True}),
    ("no_icnn", "map", {"rung": "shift"}),
    ("no_icnn", "map", {"rung": "potential", "icnn_activation": "elu"}),
    ("adversarial_map", "distill", {"actor_dropout": 0.1}),
]
CASES: list[Case] = [(name, registry.get(name).readouts[0], {}) for name in registry.BUILT_IN if name != "prox"]
QUICK = ("qdot", "td3_bc")


@pytest.fixture
def onnx_packages(require: Callable[[str, bool, str], None]) -> None:
    """Skip where the extra is not installed; CI requires it."""
    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if importlib.util.find_spec(name) is None]
    require("onnx", not missing, f"not installed: {', '.join(missing)}; pip install 'qdot[onnx]'")


def tiny(algorithm: str, **own: Any) -> Policy:
    """A policy with units of its own and weights far from the start, so that every part of the graph counts."""
    policy = Policy.from_bytes(trained(algorithm, random_dataset(3, 2), **own))
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in policy.model.parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=draw)
    for module in policy.model.modules():
        if isinstance(module, Constrained):
            module.project()
    units = {"observation_mean": [1.0, -2.0, 0.5], "observation_scale": [2.0, 0.5, 1.0]}
    return dataclasses.replace(policy, description={**policy.description, **units})


def actions_of(content: bytes, observations: np.ndarray) -> np.ndarray:
    """What onnxruntime makes of a file."""
    import onnxruntime

    session = onnxruntime.InferenceSession(content)
    (given,), (taken,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.shape, given.type) == ("observation", ["batch", 3], "tensor(float)")
    assert (taken.name, taken.shape, taken.type) == ("action", ["batch", 2], "tensor(float)")
    (found,) = session.run(["action"], {"observation": observations})
    return found


@pytest.mark.usefixtures("onnx_packages")
@pytest.mark.parametrize(
    ("algorithm", "readout", "own"),
    [
        *(pytest.param(*case, marks=() if case[0] in QUICK else pytest.mark.slow) for case in CASES),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in VARIANTS),
    ],
)
def test_the_graphs_actions_are_the_policys(algorithm: str, readout: str, own: dict[str, Any]) -> None:
    policy = tiny(algorithm, **own)
    content = to_onnx(policy, readout, {})
    for rows in (1, 33):
        observations = 2 * np.random.default_rng(rows).standard_normal((rows, 3)).astype(np.float32)
        wanted = policy.act(observations, readout)
        assert rows == 1 or np.ptp(wanted, axis=0).min() > 1
        np.testing.assert_allclose(actions_of(content, observations), wanted, rtol=0, atol=1e-5)


@pytest.mark.usefixtures("onnx_packages")
def test_a_file_says_what_it_is_and_not_where_it_was_made() -> None:
    import onnx

    content = to_onnx(tiny("bc"), "policy", {"algorithm": "bc", "seed": "6"})
    model = onnx.load_from_string(content)
    onnx.checker.check_model(model, full_check=True)
    assert {entry.key: entry.value for entry in model.metadata_props} == {"algorithm": "bc", "seed": "6"}
    for place in (str(TOP), sys.prefix, torch.__path__[0]):
        assert place.encode() not in content


@pytest.mark.slow
@pytest.mark.usefixtures("onnx_packages")
def test_equal_policies_give_equal_bytes() -> None:
    assert to_onnx(tiny("bc"), "policy", {"seed": "6"}) == to_onnx(tiny("bc"), "policy", {"seed": "6"})


@pytest.mark.parametrize(
    ("algorithm", "readout", "why"),
    [
        ("qdot", "best_of_n", "'best_of_n' samples.*deterministic readouts of qdot: map, distill"),
        ("qdot", "map_sample", "'map_sample' samples"),
        ("prox", "policy", "acts by steps along gradients of its networks.*use it by qdot.load_policy"),
        ("iql", "map", "iql has: policy"),
    ],
)
def test_what_no_graph_can_hold_is_refused_with_the_reason(algorithm: str, readout: str, why: str) -> None:
    with pytest.raises(ParamsError, match=re.compile(why, re.DOTALL)):
        to_onnx(tiny(algorithm), readout, {})


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(PackageError, match=r"onnx, onnxscript, onnxruntime: .*pip install 'qdot\[onnx\]'"):
        to_onnx(tiny("bc"), "policy", {})


@pytest.mark.usefixtures("onnx_packages")
def test_a_graph_that_acts_otherwise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = tiny("bc")
    right = Policy.act
    monkeypatch.setattr(Policy, "act", lambda *arguments: right(*arguments) + np.float32(0.01))
    with pytest.raises(ResultsError, match="differ from the policy's by"):
        to_onnx(policy, "policy", {})
