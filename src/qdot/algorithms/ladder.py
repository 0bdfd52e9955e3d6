"""The map of a policy by name, and free maps as large as the convex one beside them (paper.md's `no_icnn`)."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from qdot.algorithms.base import Config
from qdot.algorithms.icnn import PartiallyConvexPotential
from qdot.algorithms.joint_icnn import JointlyConvexPotential
from qdot.algorithms.maps import FreeMap, FreePotentialMap
from qdot.algorithms.networks import LANES
from qdot.errors import ParamsError

TOLERANCE = 0.1  # relative difference of parameter counts that still counts as the same size
Map = FreeMap | FreePotentialMap | PartiallyConvexPotential | JointlyConvexPotential


@dataclass(frozen=True, kw_only=True)
class MapConfig(Config):
    """Values of the transport map.

    Attributes:
        icnn_form: `partial`, convex in the action for each state, or `joint`, convex in both.
        icnn_hidden: Hidden widths of the convex potential. A free map has as many layers, and as many parameters as
            this potential, within 10% (`matched_hidden`).
        icnn_activation: `softplus` or `elu`.
        icnn_weights: Non-negative by `softplus` of a free number, or by `projection` after each step.
        softplus_beta: Sharpness of the softplus.
        min_quadratic: Lower bound of c(s).
        fixed_quadratic: Hold c(s) = 1 in the convex potential.
    """

    icnn_form: str
    icnn_hidden: tuple[int, ...]
    icnn_activation: str
    icnn_weights: str
    softplus_beta: float
    min_quadratic: float
    fixed_quadratic: bool

    def __post_init__(self) -> None:
        """Check the values."""
        super().__post_init__()
        self._check("icnn_form", "partial", "joint")
        self._check("icnn_activation", "softplus", "elu")
        self._check("icnn_weights", "softplus", "projection")
        self._check_widths("icnn_hidden")


def build_map(
    rung: str, config: MapConfig, generators: Sequence[torch.Generator], state_dim: int, action_dim: int
) -> Map:
    """The map of a rung, one of `maps.RUNGS`; each starts at the identity."""
    sizes = state_dim, action_dim
    if rung == "icnn":
        return _convex(config, generators, *sizes)
    target = parameters(_convex(config, [torch.Generator()], *sizes))
    hidden = matched_hidden(rung, *sizes, len(config.icnn_hidden), target)
    if rung == "potential":
        return FreePotentialMap(
            generators, *sizes, hidden, config.icnn_activation, config.softplus_beta, config.min_quadratic
        )
    return FreeMap(generators, *sizes, hidden, rung == "affine", config.min_quadratic)


def _convex(config: MapConfig, generators: Sequence[torch.Generator], state_dim: int, action_dim: int) -> Map:
    kind = PartiallyConvexPotential if config.icnn_form == "partial" else JointlyConvexPotential
    return kind(
        generators,
        state_dim,
        action_dim,
        config.icnn_hidden,
        config.icnn_activation,
        config.softplus_beta,
        config.min_quadratic,
        config.fixed_quadratic,
        config.icnn_weights,
    )


def parameters(network: nn.Module) -> int:
    """Number of parameters of one seed."""
    return sum(parameter[0].numel() for parameter in network.parameters())


def free_parameters(rung: str, state_dim: int, action_dim: int, hidden: Sequence[int]) -> int:
    """Number of parameters of one seed of a free map (`maps.FreeMap`, `maps.FreePotentialMap`)."""

    def affine(*widths: int) -> int:
        return sum((below + 1) * above for below, above in itertools.pairwise(widths))

    network = affine(state_dim + action_dim, *hidden)
    top = hidden[-1] if rung == "potential" else affine(hidden[-1], action_dim)
    skip = affine(state_dim, hidden[0], action_dim + 1) if state_dim else action_dim + 1
    return network + top + (0 if rung == "shift" else skip)


def matched_hidden(rung: str, state_dim: int, action_dim: int, layers: int, target: int) -> tuple[int, ...]:
    """Widths of a free map with about `target` parameters: one width for the first layer, one for the others.

    Of the pairs within `TOLERANCE` the nearest, those preferred that differ at most twofold.

    Raises:
        ParamsError: There are none.
    """

    def size(shape: Sequence[int]) -> float:
        return free_parameters(rung, state_dim, action_dim, shape) / target

    close: list[tuple[int, ...]] = []
    for first in itertools.count(LANES, LANES):
        shape = (first, *[LANES] * (layers - 1))
        if size(shape) > 1 + TOLERANCE:
            break
        while size(shape) <= 1 + TOLERANCE:  # each step widens all layers but the first
            close += [shape] if size(shape) >= 1 - TOLERANCE else []
            if layers == 1:
                break
            shape = (first, *[width + LANES for width in shape[1:]])
    if not close:
        raise ParamsError(
            f"icnn_hidden: no free map of {layers} layers, widths in multiples of {LANES}, has within "
            f"{TOLERANCE:.0%} of the potential's {target} parameters; choose wider layers"
        )
    return min(close, key=lambda shape: (max(shape) > 2 * min(shape), abs(size(shape) - 1)))
