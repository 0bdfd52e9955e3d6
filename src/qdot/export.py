"""A trained policy as an ONNX graph: a batch of observations in, actions out, both in the environment's units."""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from qdot.algorithms.base import Algorithm
from qdot.errors import ParamsError, ResultsError
from qdot.extras import check_installed
from qdot.training.checkpoint import Policy

ROWS = 32  # observations on which a new graph is compared with the policy
TOLERANCE = 1e-4  # of half an action's range: far above float32's roundings, far below any wrong graph


class _Graph(nn.Module):
    """What `Policy.act` does by a deterministic readout, in torch alone: (n, obs) to (n, act)."""

    def __init__(self, policy: Policy, readout: str) -> None:
        """Take the model, and the units as constants."""
        super().__init__()
        self.model: Algorithm = policy.model
        self.readout = readout
        self.units = {
            name: torch.tensor(policy.description[name], dtype=torch.float32)
            for name in ("observation_mean", "observation_scale", "action_low", "action_high")
        }

    def forward(self, observation: Tensor) -> Tensor:
        """Actions in the environment's units."""
        units = self.units
        inputs = (observation - units["observation_mean"]) / units["observation_scale"]
        actions = self.model.act(inputs.unsqueeze(0), self.readout).squeeze(0)
        return units["action_low"] + (actions + 1) * ((units["action_high"] - units["action_low"]) / 2)


def to_onnx(policy: Policy, readout: str, metadata: Mapping[str, str]) -> bytes:
    """Translate one readout of a policy.

    Args:
        policy: The policy.
        readout: One of its readouts, a deterministic one without gradient steps.
        metadata: What the file says of itself, beside its input `observation` (batch, obs) float32 and its output
            `action` (batch, act) float32.

    Returns:
        The content of an ONNX file; the same for equal arguments and versions.

    Raises:
        ParamsError: no such readout, or one that no ONNX graph can hold; it says why.
        PackageError: the extra `onnx` is not installed.
        ResultsError: the graph does not act as the policy does.
    """
    graph = _Graph(policy, readout).eval()
    example = torch.zeros(2, policy.model.observation_dim)  # not 1 row: that would be taken for a constant
    _check_readout(policy, graph, example)
    check_installed("onnx", "onnx", "onnxscript", "onnxruntime")
    with _quiet(), torch.inference_mode():
        program = torch.onnx.export(
            graph,
            (example,),
            input_names=["observation"],
            output_names=["action"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            dynamo=True,
            verbose=False,
        )
    assert program is not None  # so it is with dynamo
    for node in program.model.graph:
        node.metadata_props.clear()  # stack traces, with the paths of this machine
    program.model.metadata_props.update(metadata)
    content: bytes = program.model_proto.SerializeToString()
    _compare(content, policy, readout)
    return content


def _check_readout(policy: Policy, graph: _Graph, example: Tensor) -> None:
    """Refuse a readout that samples, or takes gradients while it acts."""
    readouts, readout = policy.readouts, graph.readout
    if readout not in readouts:
        raise ParamsError(f"readout {readout!r}: {policy.algorithm} has: {', '.join(readouts)}")
    if policy.model.noise_shape(readout):
        others = ", ".join(name for name in readouts if not policy.model.noise_shape(name)) or "none"
        raise ParamsError(
            f"readout {readout!r} samples, and an ONNX graph that gives the same action twice cannot; "
            f"deterministic readouts of {policy.algorithm}: {others}"
        )
    try:
        with torch.inference_mode():
            graph(example)
    except RuntimeError as error:
        raise ParamsError(
            f"readout {readout!r} of {policy.algorithm} acts by steps along gradients of its networks, which an ONNX "
            f"graph does not hold ({error}); use it by qdot.load_policy, or export another algorithm's policy"
        ) from error


def _compare(content: bytes, policy: Policy, readout: str) -> None:
    """Refuse a graph that does not act as the policy does."""
    import onnxruntime

    noise = np.random.default_rng(0).standard_normal((ROWS, policy.model.observation_dim))
    mean, scale, low, high = (
        np.asarray(policy.description[name])
        for name in ("observation_mean", "observation_scale", "action_low", "action_high")
    )
    observations = (mean + scale * noise).astype(np.float32)
    (found,) = onnxruntime.InferenceSession(content).run(None, {"observation": observations})
    error = np.abs((found - policy.act(observations, readout)) / ((high - low) / 2)).max()
    if not error <= TOLERANCE:
        raise ResultsError(
            f"readout {readout!r} of {policy.algorithm}: the ONNX graph's actions differ from the policy's by "
            f"{error:.1e} of half their range, expected at most {TOLERANCE:.0e}; it was not written"
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out the steps of the exporter, and what it says of torchvision and of torch's own deprecations."""
    logs = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [log.level for log in logs]
    for log in logs:
        log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(action="ignore", category=FutureWarning):
            yield
    finally:
        for log, level in zip(logs, levels, strict=True):
            log.setLevel(level)
