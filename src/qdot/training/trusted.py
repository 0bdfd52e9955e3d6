"""What a file of weights must be before it becomes a model: its description plain, its tensors the model's own."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

UNITS = {  # list of a description -> which width it has
    "observation_mean": "observation_dim",
    "observation_scale": "observation_dim",
    "action_low": "action_dim",
    "action_high": "action_dim",
}
LARGEST = 1 << 20  # of a whole number that says how much, but for steps and seed
ROOM = 1 << 20  # numbers that building a model may make beside
DRAWS = 16  # times its weights that building a model may make: they are drawn, factored, copied


def description_fault(found: Mapping[str, Any]) -> str | None:
    """What is wrong with a policy's description; None where nothing is."""
    for key in ("observation_dim", "action_dim", "seed", "step"):
        lowest, highest = (1, LARGEST) if key.endswith("_dim") else (0, 2**63 - 1)
        if type(found.get(key)) is not int or not lowest <= found[key] <= highest:
            return f"{key}: found {found.get(key)!r}, expected a whole number from {lowest}"
    if not isinstance(found.get("algorithm"), str) or not isinstance(found.get("config"), dict):
        return "algorithm, config: expected a name and its values"
    for key, value in found["config"].items():
        for part in value if isinstance(value, list) else [value]:
            if key != "steps" and isinstance(part, int) and abs(part) > LARGEST:
                return f"config.{key}: found {part}, expected at most {LARGEST:,}"
    for key, width in UNITS.items():
        values = found.get(key)
        if not (isinstance(values, list) and len(values) == found[width] and all(map(_is_single, values))):
            return f"{key}: expected {found[width]} numbers"
    if min(found["observation_scale"]) <= 0:
        return "observation_scale: expected numbers above 0"
    if any(low >= high for low, high in zip(found["action_low"], found["action_high"], strict=True)):
        return "action_low, action_high: expected the lower first"
    return None


def _is_single(value: Any) -> bool:
    """Whether a value is a number that float32 holds."""
    return type(value) in (int, float) and abs(value) <= torch.finfo(torch.float32).max


class Bounded(TorchDispatchMode):
    """Refuses tensors beyond what weights in a file can need: a description of some bytes can name any width.

    Args:
        stored: Numbers in the file.
    """

    def __init__(self, stored: int) -> None:
        """Start with nothing made."""
        super().__init__()
        self.left = DRAWS * stored + ROOM

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Count what a factory is asked for before it makes room."""
        for size in args:
            if isinstance(size, list | tuple) and all(type(width) is int for width in size):
                self.left -= math.prod(size)
        if self.left < 0:
            raise ValueError("its description names more weights than the file holds")
        return func(*args, **(kwargs or {}))


def tensor_fault(expected: Iterable[tuple[str, Tensor]], found: Mapping[str, Tensor], finite: bool) -> str | None:
    """Which tensor is missing, of another shape or kind, or not finite where all must be; None where none is."""
    wanted = dict(expected)
    for what, names in (("missing", wanted.keys() - found.keys()), ("unknown", found.keys() - wanted.keys())):
        if names:
            return f"{what}: {', '.join(sorted(names)[:5])}"
    for name, own in wanted.items():
        other = found[name]
        if other.shape != own.shape or other.dtype != own.dtype:
            return f"{name}: found {_kind(other)}, expected {_kind(own)}"
        if finite and not other.isfinite().all():
            return f"{name}: holds numbers that are not finite"
    return None


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


def is_seeds(value: Any) -> bool:
    """Whether a value is a list of different whole numbers."""
    return isinstance(value, list) and all(type(part) is int for part in value) and len({*value}) == len(value)


def is_steps(value: Any, last: int) -> bool:
    """Whether a value is a list of growing whole numbers up to `last`."""
    whole = isinstance(value, Sequence) and all(type(part) is int and 0 <= part <= last for part in value)
    return whole and all(first < second for first, second in itertools.pairwise(value))
