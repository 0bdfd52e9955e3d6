"""What a machine can do, and what of it a step asks for: products, and memory read and written."""

import statistics
from collections.abc import Callable, Mapping

import torch
from contestants import Step, stepping
from torch.utils.flop_counter import FlopCounterMode

from qdot.algorithms.optimiser import Learner
from qdot.training.family import Family

WEIGHT_PASSES = 10  # read forwards and backwards; gradient written; Adam reads it, weight and two moments, writes three
SLOW_PASSES = 3  # the slow copy and the fast one are read, the slow one is written
FLOAT_BYTES = 4
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


def moved(family: Family) -> float:
    """Bytes of weights, gradients and moments that one step of a family reads and writes, from memory or a cache.

    4 bytes x (10 x trained numbers + 3 x numbers of slow copies). Activations do not count: a step moves more.
    """
    models = [member.trainer.model for member in family.members if member.trainer is not None]
    learners = {module for model in models for module in model.modules() if isinstance(module, Learner)}
    trained = {adam.weights.flat for learner in learners for adam in learner.optimisers.values()}
    slow = {packed.flat for learner in learners for packed in learner.slow.values()}
    counts = [sum(flat.numel() for flat in flats) for flats in (trained, slow)]
    return float(FLOAT_BYTES * (WEIGHT_PASSES * counts[0] + SLOW_PASSES * counts[1]))
