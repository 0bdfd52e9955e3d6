"""What a machine can do, and what of it a step asks for: products, and memory read and written."""

import statistics
from collections.abc import Callable, Mapping

import torch
from contestants import Step, stepping
from torch.utils.flop_counter import FlopCounterMode

from qdot.training.family import Family

Timed = Callable[[Mapping[str, Step]], dict[str, list[float]]]


def limits(models: int, timed: Timed, device: str = "cpu", copied: int = 2**26) -> dict[str, float]:
    """Float32 operations per second in products as ours, bytes per second copied.

    Args:
        models: How many 256x256 products at once.
        timed: From steps by name to seconds of a step of each, by run.
        device: Of torch.
        copied: Numbers in what is copied.
    """
    left, right = (torch.randn(models, 256, 256, device=device) for _ in range(2))
    result = torch.empty_like(left)
    source, target = torch.rand(copied, device=device), torch.zeros(copied, device=device)
    steps: dict[str, Step] = {
        "product": lambda: torch.bmm(left, right, out=result),
        "copy": lambda: target.copy_(source),
    }
    found = timed(steps)
    return {
        "flops": 2 * left.numel() * 256 / statistics.median(found["product"]),
        "bytes": 2 * source.numel() * 4 / statistics.median(found["copy"]),
    }


def operations(family: Family) -> float:
    """Floating-point operations of the products of one plain step of a family, on a CPU."""
    with FlopCounterMode(display=False) as counter:
        stepping(family)()
    return float(counter.get_total_flops())
