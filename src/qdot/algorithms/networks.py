"""Networks for many seeds at once: every weight has a leading member axis, every layer is one batched product.

A member is one network of one seed. No operation mixes members. On a CPU a member's bits do not depend on its batch
mates, given rows and hidden widths in multiples of `LANES` and products through `product` (docs/algorithms.md, "Bits").
"""

import itertools
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

LANES = 32  # floats that one pass of a vectorised CPU kernel takes; a shorter tail is computed with other roundings
COLUMNS = 16  # of the matrices that `product` gives to MKL: whole cache lines


def product(left: Tensor, right: Tensor, bias: Tensor | None = None) -> Tensor:
    """Batched matrix product, plus a bias: (members, m, k) @ (members, k, n) -> (members, m, n).

    Zeros pad what MKL treats by the number or place of members, so that bits depend on neither. Columns go up to a
    multiple of `COLUMNS` where there are few (it multiplies that two to four times faster too) or where members would
    start at unequal alignments, on which the bits of a gradient depend. Width 1, of the result or of the left side's
    gradient, would be a matrix-vector kernel for one member and not for several.
    """
    depth, width = right.shape[-2:]
    if depth == 1:
        return product(functional.pad(left, (0, 1)), functional.pad(right, (0, 0, 0, 1)), bias)
    if width < COLUMNS or right[0].numel() % COLUMNS:
        padding = (0, -width % COLUMNS)
        bias = None if bias is None else functional.pad(bias, padding)
        return product(left, functional.pad(right, padding), bias)[..., :width].contiguous()
    return torch.bmm(left, right) if bias is None else torch.baddbmm(bias, left, right)


class BatchedLinear(nn.Module):
    """One affine layer per member.

    Weights are orthogonal with gain sqrt(2), biases zero (IQL's JAX code, `common.default_init`).

    Attributes:
        weight: (members, in, out).
        bias: (members, 1, out).
    """

    def __init__(self, generators: Sequence[torch.Generator], in_features: int, out_features: int) -> None:
        """Draw each member's weights from its own generator (on the CPU)."""
        super().__init__()
        weight = torch.empty(len(generators), in_features, out_features)
        for member, generator in zip(weight, generators, strict=True):
            nn.init.orthogonal_(member, gain=math.sqrt(2), generator=generator)
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.zeros(len(generators), 1, out_features))

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (members, batch, in) to (members, batch, out)."""
        return product(inputs, self.weight, self.bias)


class Dropout(nn.Module):
    """Dropout whose mask is a hash of (member's key, step, unit): the same whatever else is trained beside it.

    Attributes:
        keys: (members, 1, 1) int32, each drawn once from its member's generator.
    """

    def __init__(self, generators: Sequence[torch.Generator], rate: float) -> None:
        """Draw each member's key."""
        super().__init__()
        self.rate = rate
        keys = [torch.randint(-(2**31), 2**31, (1, 1), dtype=torch.int32, generator=g) for g in generators]
        self.keys: Tensor
        self.register_buffer("keys", torch.stack(keys))

    def forward(self, inputs: Tensor, step: int) -> Tensor:
        """Drop units of (members, batch, width) at the given step; the others grow by 1 / (1 - rate)."""
        units = torch.arange(inputs[0].numel(), dtype=torch.int32, device=inputs.device).view(inputs.shape[1:])
        bits = _scramble(units ^ _scramble(self.keys ^ _scramble(self.keys + step)))  # uniform on int32
        kept = bits >= round(self.rate * 2**32) - 2**31
        return inputs * (kept.to(inputs.dtype) / (1 - self.rate))


def _scramble(bits: Tensor) -> Tensor:
    """A bijection of int32 with full avalanche (xor-shift and multiply, constants of C. Wellons's `lowbias32`)."""
    bits = (bits ^ ((bits >> 16) & 0xFFFF)) * 0x7FEB352D
    bits = (bits ^ ((bits >> 15) & 0x1FFFF)) * (0x846CA68B - 2**32)
    return bits ^ ((bits >> 16) & 0xFFFF)


class MLP(nn.Module):
    """A perceptron per member: hidden layers with activation (and dropout, given a step), then an affine layer."""

    def __init__(
        self,
        generators: Sequence[torch.Generator],
        in_features: int,
        hidden: Sequence[int],
        out_features: int,
        activation: Callable[[Tensor], Tensor] = torch.relu,
        dropout: float = 0.0,
    ) -> None:
        """Build the layers; `dropout` is the rate after each hidden activation."""
        super().__init__()
        widths = [in_features, *hidden]
        self.hidden = nn.ModuleList(BatchedLinear(generators, a, b) for a, b in itertools.pairwise(widths))
        self.output = BatchedLinear(generators, widths[-1], out_features)
        self.dropouts = nn.ModuleList(Dropout(generators, dropout) for _ in hidden) if dropout else None
        self.activation = activation

    def forward(self, inputs: Tensor, step: int | None = None) -> Tensor:
        """Map (members, batch, in) to (members, batch, out); a step means training, so dropout is on."""
        for index, layer in enumerate(self.hidden):
            inputs = self.activation(layer(inputs))
            if self.dropouts is not None and step is not None:
                inputs = self.dropouts[index](inputs, step)
        return self.output(inputs)
