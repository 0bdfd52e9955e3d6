"""Networks for many seeds at once: every weight has a leading member axis, every layer is one batched product.

A member is one network of one seed. No operation mixes members. On a CPU a member's bits do not depend on its batch
mates, given rows and hidden widths in multiples of `LANES` and products through `product` (docs/algorithms.md, "Bits").
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, nn
from torch.nn import functional

LANES = 32  # floats that one pass of a vectorised CPU kernel takes; a shorter tail is computed with other roundings
Step = int | Tensor  # a step's number from 0; a tensor () inside a compiled program
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
COLUMNS = 16  # of the matrices that `product` gives to MKL: whole cache lines


_factors: ContextVar[torch.dtype] = ContextVar("factors", default=torch.float32)


@contextmanager
def factors_in(precision: str) -> Iterator[None]:
    """Round the factors of every `product` to one of `PRECISIONS`; sums and all else stay in float32."""
    token = _factors.set(PRECISIONS[precision])
    try:
        yield
    finally:
        _factors.reset(token)


def product(left: Tensor, right: Tensor, bias: Tensor | None = None) -> Tensor:
    """Batched matrix product, plus a bias: (members, m, k) @ (members, k, n) -> (members, m, n).

    Width 1 is a sum. On a GPU a bias is added by a kernel into which a compiler fuses what follows. On a CPU zeros pad
    what MKL treats by the number or place of members, so that bits depend on neither. Columns go up to a multiple of
    `COLUMNS` where there are few (it multiplies that two to four times faster too) or where members would start at
    unequal alignments, on which the bits of a gradient depend. Depth 1 would be a matrix-vector kernel for one member
    and not for several.
    """
    (depth, width), dtype = right.shape[-2:], _factors.get()
    if bias is not None and (right.is_cuda or width == 1):
        return product(left, right) + bias
    if width == 1:
        if dtype != torch.float32:
            left, right = (factor.to(dtype).to(factor.dtype) for factor in (left, right))
        return (left * right.transpose(1, 2)).sum(dim=-1, keepdim=True)
    if depth == 1:
        return product(functional.pad(left, (0, 1)), functional.pad(right, (0, 0, 0, 1)), bias)
    if width < COLUMNS or right[0].numel() % COLUMNS:
        padding = (0, -width % COLUMNS)
        bias = None if bias is None else functional.pad(bias, padding)
        return product(left, functional.pad(right, padding), bias)[..., :width].contiguous()
    if dtype != torch.float32:
        rounded = torch.bmm(left.to(dtype), right.to(dtype)).to(left.dtype)
        return rounded if bias is None else rounded + bias
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

    def transposed(self, outputs: Tensor) -> Tensor:
        """The linear part backwards: (members, batch, out) to (members, batch, in)."""
        return product(outputs, self.weight.transpose(1, 2))


class Noise(nn.Module):
    """Random numbers that are a hash of (member's key, step, position): the same whatever else is trained beside it.

    Attributes:
        keys: (members, 1, 1) int32, each drawn once from its member's generator.
    """

    def __init__(self, generators: Sequence[torch.Generator]) -> None:
        """Draw each member's key."""
        super().__init__()
        keys = [torch.randint(-(2**31), 2**31, (1, 1), dtype=torch.int32, generator=g) for g in generators]
        self.keys: Tensor
        self.register_buffer("keys", torch.stack(keys))

    def bits(self, rows: int, width: int, step: Step) -> Tensor:
        """Uniform on int32, (members, rows, width), of a step."""
        places = torch.arange(rows * width, dtype=torch.int32, device=self.keys.device).view(rows, width)
        return _scramble(places ^ _scramble(self.keys ^ _scramble(self.keys + step)))

    def uniform(self, rows: int, width: int, step: Step) -> Tensor:
        """Uniform on (0, 1), multiples of 2^-24 shifted by half of one, (members, rows, width)."""
        return (((self.bits(rows, width, step) >> 8) & 0xFFFFFF).float() + 0.5) * 2**-24

    def normal(self, rows: int, width: int, step: Step) -> Tensor:
        """Standard normal, (members, rows, width), by Box and Muller's transform of two uniform halves."""
        radius, angle = self.uniform(rows, 2 * width, step).split(width, dim=-1)
        return (-2 * radius.log()).sqrt() * (2 * math.pi * angle).cos()


def turns(step: Step, count: int) -> list[Step]:
    """Numbers of the draws of a step that draws `count` times; no two steps share one."""
    return [step * count + turn for turn in range(count)]


class Dropout(Noise):
    """Dropout whose mask is such noise."""

    def __init__(self, generators: Sequence[torch.Generator], rate: float) -> None:
        """Draw each member's key."""
        super().__init__(generators)
        self.rate = rate

    def forward(self, inputs: Tensor, step: Step) -> Tensor:
        """Drop units of (members, batch, width) at the given step; the others grow by 1 / (1 - rate)."""
        kept = self.bits(inputs.shape[1], inputs.shape[2], step) >= round(self.rate * 2**32) - 2**31
        return inputs * (kept.to(inputs.dtype) / (1 - self.rate))


class BatchedLayerNorm(nn.Module):
    """Layer normalisation over the width, with a scale and a shift per member (Ba et al. 2016).

    Attributes:
        scale: (members, 1, width), starts at 1.
        shift: (members, 1, width), starts at 0.
    """

    def __init__(self, members: int, width: int) -> None:
        """Start as plain normalisation."""
        super().__init__()
        self.scale = nn.Parameter(torch.ones(members, 1, width))
        self.shift = nn.Parameter(torch.zeros(members, 1, width))

    def forward(self, inputs: Tensor) -> Tensor:
        """Normalise each row of (members, batch, width)."""
        return nn.functional.layer_norm(inputs, inputs.shape[-1:]) * self.scale + self.shift


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
        layer_norm: bool = False,
    ) -> None:
        """Build the layers; `dropout` is the rate after each hidden activation, `layer_norm` comes before it."""
        super().__init__()
        widths = [in_features, *hidden]
        self.hidden = nn.ModuleList(BatchedLinear(generators, a, b) for a, b in itertools.pairwise(widths))
        self.output = BatchedLinear(generators, widths[-1], out_features)
        self.dropouts = nn.ModuleList(Dropout(generators, dropout) for _ in hidden) if dropout else None
        norms = [BatchedLayerNorm(len(generators), width) for width in hidden] if layer_norm else []
        self.norms = nn.ModuleList(norms)
        self.activation = activation

    def forward(self, inputs: Tensor, step: Step | None = None) -> Tensor:
        """Map (members, batch, in) to (members, batch, out); a step means training, so dropout is on."""
        for index, layer in enumerate(self.hidden):
            inputs = layer(inputs)
            if self.norms:
                inputs = self.norms[index](inputs)
            inputs = self.activation(inputs)
            if self.dropouts is not None and step is not None:
                inputs = self.dropouts[index](inputs, step)
        return self.output(inputs)
