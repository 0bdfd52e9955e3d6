"""The types that make a network convex in its input, and the affine heads of the context beside it."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from qdot.algorithms.networks import product
from qdot.algorithms.optimiser import Constrained
from qdot.errors import ParamsError

Piece = tuple[str, int, float | None]  # name, width, constant start or None for a random one
_LINEAR_ABOVE = 40.0  # softplus(x) = x beyond this, in float32 and float64 alike


def inverse_softplus(value: float) -> float:
    """The x with softplus(x) = value, for value > 0."""
    return value + math.log(-math.expm1(-value))


def uniform(generators: Sequence[torch.Generator], shape: tuple[int, ...], bound: float) -> Tensor:
    """Uniform on [-bound, bound], (seeds, *shape), each seed from its own generator."""
    return torch.stack([bound * (2.0 * torch.rand(shape, generator=generator) - 1.0) for generator in generators])


class NonNegativeLinear(nn.Module):
    """Weights that are non-negative by construction: softplus(raw), shape (seeds, in, out), no bias.

    Starts at the mean of its inputs: every weight is 1 / in_features, so it draws nothing (the asymmetry of its
    units comes from the free paths beside it).
    """

    def __init__(self, seeds: int, in_features: int, out_features: int) -> None:
        """Start every weight at 1 / in_features."""
        super().__init__()
        start = inverse_softplus(1.0 / in_features)
        self.raw = nn.Parameter(torch.full((seeds, in_features, out_features), start))

    @property
    def weight(self) -> Tensor:
        """The weights in use, (seeds, in, out), all > 0."""
        return functional.softplus(self.raw)


class NonNegativeReadout(nn.Module):
    """Weights |raw| of a weighted sum of convex units, shape (seeds, 1, in), that start at exactly 0.

    A softplus cannot start at 0; |raw| can, with the slope at 0 taken as +1, so a weight leaves 0 in the first step
    and is never stuck there.
    """

    def __init__(self, seeds: int, in_features: int) -> None:
        """Start every weight at 0."""
        super().__init__()
        self.raw = nn.Parameter(torch.zeros(seeds, 1, in_features))

    @property
    def weight(self) -> Tensor:
        """The weights in use, (seeds, 1, in), all >= 0."""
        return torch.where(self.raw >= 0, self.raw, -self.raw)


class ProjectedWeight(Constrained):
    """Weights that are non-negative because the optimiser sets negative ones to 0 after each step.

    The alternative to `NonNegativeLinear` and `NonNegativeReadout`, with their shapes and starts; a weight at 0 still
    has a gradient.
    """

    def __init__(self, seeds: int, shape: tuple[int, int], start: float) -> None:
        """Start every weight at `start` >= 0."""
        super().__init__()
        self.raw = nn.Parameter(torch.full((seeds, *shape), start))

    @property
    def weight(self) -> Tensor:
        """The weights in use, (seeds, in, out), all >= 0 after a projection."""
        return self.raw

    @torch.no_grad()
    def project(self) -> None:
        """Set negative weights to 0."""
        self.raw.clamp_(min=0.0)


class NonNegative(NamedTuple):
    """Builders of the non-negative weights of a convex network, all by one of the two ways.

    Attributes:
        linear: (seeds, in, out) to weights of that shape, each 1 / in at start.
        readout: (seeds, in) to weights (seeds, 1, in), each 0 at start.
    """

    linear: Callable[[int, int, int], NonNegativeLinear | ProjectedWeight]
    readout: Callable[[int, int], NonNegativeReadout | ProjectedWeight]


def non_negative(name: str) -> NonNegative:
    """Look up how weights stay non-negative: "softplus" (a reparametrisation) or "projection".

    Raises:
        ParamsError: For another name.
    """
    if name == "softplus":
        return NonNegative(NonNegativeLinear, NonNegativeReadout)
    if name == "projection":
        return NonNegative(
            lambda seeds, below, above: ProjectedWeight(seeds, (below, above), 1.0 / below),
            lambda seeds, below: ProjectedWeight(seeds, (1, below), 0.0),
        )
    raise ParamsError(f"icnn_weights: found {name!r}, expected 'softplus' or 'projection': correct it in params.yaml")


class ContextHeads(nn.Module):
    """All affine functions of one context layer as one product, then split: (seeds, batch, in) -> pieces.

    Each piece is (name, width, start): a number as start means that the piece is that constant at first (weights 0),
    None the usual uniform draw. Without inputs (in_features 0) the pieces are constants of shape (seeds, 1, width).
    """

    def __init__(self, generators: Sequence[torch.Generator], in_features: int, pieces: Sequence[Piece]) -> None:
        """Draw each seed's weights from its own generator."""
        super().__init__()
        self.names = tuple(name for name, _, _ in pieces)
        self.widths = tuple(width for _, width, _ in pieces)
        bound = 1.0 / math.sqrt(max(in_features, 1))
        weight = uniform(generators, (in_features, sum(self.widths)), bound)
        bias = uniform(generators, (1, sum(self.widths)), bound)
        position = 0
        for _, width, start in pieces:
            if start is not None:
                weight[..., position : position + width] = 0.0
                bias[..., position : position + width] = start
            position += width
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)

    def forward(self, context: Tensor) -> dict[str, Tensor]:
        """Evaluate every piece: name -> (seeds, batch, width)."""
        out = self.bias if context.shape[-1] == 0 else product(context, self.weight, self.bias)
        return dict(zip(self.names, out.split(self.widths, dim=-1), strict=True))


class Activation(NamedTuple):
    """A convex, non-decreasing function and its derivative."""

    value: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor], Tensor]


def convex_activation(name: str, softplus_beta: float) -> Activation:
    """Look up an activation that keeps a composition convex.

    No squared leaky ReLU, which CondOT and Makkuva et al. use in the first layer: it is not monotone, so deeper the
    composition would not be convex.

    Args:
        name: "softplus" (log(1 + exp(beta x)) / beta) or "elu".
        softplus_beta: Sharpness of the softplus.

    Raises:
        ParamsError: For another name.
    """
    if name == "softplus":
        return Activation(
            lambda x: functional.softplus(x, beta=softplus_beta, threshold=_LINEAR_ABOVE),
            lambda x: torch.sigmoid(softplus_beta * x),
        )
    if name == "elu":
        return Activation(functional.elu, lambda x: torch.exp(x.clamp(max=0.0)))
    raise ParamsError(f"icnn_activation: found {name!r}, expected 'softplus' or 'elu': correct it in params.yaml")


def check_form(hidden: Sequence[int], min_quadratic: float) -> None:
    """Refuse a potential without a layer, or with a floor of c that its start at 1 cannot lie above.

    Raises:
        ParamsError: names the value, what was found and what was expected.
    """
    if not hidden:
        raise ParamsError("icnn_hidden: found no layer, expected at least one width: for example [64, 64]")
    if not 0.0 < min_quadratic < 1.0:
        raise ParamsError(f"min_quadratic: found {min_quadratic}, expected a number in (0, 1), as c starts at 1")
