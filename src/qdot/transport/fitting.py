"""What every fit of a synthetic study shares: the schedule, the fresh potential, the fitted map as a numpy function."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from qdot.algorithms.icnn import PartiallyConvexPotential
from qdot.transport.problems import Array


@dataclass(frozen=True)
class Budget:
    """Work of one fit, in iterations, never by the clock: the same seed gives the same map.

    Attributes:
        iterations: Optimiser steps.
        batch_size: Fresh samples per step (of each side).
        learning_rate: Of Adam, decayed to 0 by a cosine.
        hidden: Widths of the potential.
    """

    iterations: int
    batch_size: int = 256
    learning_rate: float = 5e-3
    hidden: tuple[int, ...] = (64, 64)


def fresh_potential(dim: int, budget: Budget, seed: int, fixed_quadratic: bool = False) -> PartiallyConvexPotential:
    """An unconditional potential of one seed."""
    generators = [torch.Generator().manual_seed(seed)]
    return PartiallyConvexPotential(generators, 0, dim, budget.hidden, fixed_quadratic=fixed_quadratic)


def minimise(module: nn.Module, loss: Callable[[int], Tensor], budget: Budget) -> None:
    """Minimise `loss(iteration)` over the module's parameters by Adam with a cosine decay to 0."""
    optimiser = torch.optim.Adam(module.parameters(), lr=budget.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=budget.iterations)
    for iteration in range(budget.iterations):
        optimiser.zero_grad(set_to_none=True)
        loss(iteration).backward()
        optimiser.step()
        schedule.step()


def stateless(points: NDArray[np.floating]) -> tuple[Tensor, Tensor]:
    """Points (n, dim) as the (states, actions) of an unconditional potential of one seed."""
    actions = torch.as_tensor(points, dtype=torch.float32)[None]
    return actions.new_zeros(1, actions.shape[1], 0), actions


def gradient_map(potential: PartiallyConvexPotential) -> Callable[[Array], Array]:
    """The map grad psi of an unconditional potential, (n, dim) -> (n, dim)."""

    def apply(points: Array) -> Array:
        with torch.no_grad():
            return potential.gradient(*stateless(points))[0].double().numpy()

    return apply
