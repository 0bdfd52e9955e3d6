"""What every fit of a synthetic study shares: the schedule, the fresh map, the fitted map as a numpy function."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from qdot.algorithms.icnn import PartiallyConvexPotential
from qdot.algorithms.ladder import Map, MapConfig, build_map
from qdot.algorithms.maps import RUNGS
from qdot.transport.problems import Array

FIXED = "fixed_quadratic"  # c = 1, so that the Jacobian is at least I: the row that must miss a contraction


@dataclass(frozen=True)
class Budget:
    """Work of one fit, in iterations, never by the clock: the same seed gives the same map.

    Attributes:
        iterations: Optimiser steps.
        batch_size: Samples per step (of each side).
        learning_rate: Of Adam, decayed to 0 by a cosine.
        hidden: Widths of the convex potential; a free map is as large (`fresh_map`).
    """

    iterations: int
    batch_size: int = 256
    learning_rate: float = 5e-3
    hidden: tuple[int, ...] = (64, 64)


def fresh_map(name: str, dim: int, budget: Budget, seed: int, state_dim: int = 0) -> Map:
    """A map of one seed, at the identity; a free one has as many parameters as the convex one, within 10%.

    Args:
        name: A rung of the ladder, or "fixed_quadratic".
        dim: Width of the action.
        budget: Widths of the convex potential: those of a free map follow, as in training (`ladder.build_map`).
        seed: Of the weights.
        state_dim: Width of the state; 0 for an unconditional map.

    Raises:
        ValueError: For another name.
        ParamsError: No widths of a free map match.
    """
    if name not in (*RUNGS, FIXED):
        raise ValueError(f"map: found {name!r}, expected one of {(*RUNGS, FIXED)}")
    config = MapConfig(
        steps=budget.iterations,
        hidden=budget.hidden,
        learning_rate=budget.learning_rate,
        actor_schedule="cosine",
        icnn_form="partial",
        icnn_hidden=budget.hidden,
        icnn_activation="softplus",
        icnn_weights="softplus",
        softplus_beta=3.0,
        min_quadratic=1e-3,
        fixed_quadratic=name == FIXED,
    )
    generators = [torch.Generator().manual_seed(seed)]
    return build_map("icnn" if name == FIXED else name, config, generators, state_dim, dim)


def fresh_potential(dim: int, budget: Budget, seed: int, fixed_quadratic: bool = False) -> PartiallyConvexPotential:
    """An unconditional convex potential of one seed."""
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


class Epochs:
    """Rows of a fixed sample, each once before any comes twice: a pass has the sample's own mean, without noise."""

    def __init__(self, points: NDArray) -> None:
        """Keep the sample, (n, ...)."""
        self.points, self.order = points, np.empty(0, dtype=np.int64)

    def __call__(self, rng: np.random.Generator, n: int) -> NDArray:
        """The next n rows."""
        while len(self.order) < n:
            self.order = np.concatenate([self.order, rng.permutation(len(self.points))])
        rows, self.order = self.order[:n], self.order[n:]
        return self.points[rows]


def as_batch(points: NDArray[np.floating]) -> Tensor:
    """Points (n, dim) as the (1, n, dim) of one seed."""
    return torch.as_tensor(points, dtype=torch.float32)[None]


def stateless(points: NDArray[np.floating]) -> tuple[Tensor, Tensor]:
    """Points (n, dim) as the (states, actions) of an unconditional map of one seed."""
    actions = as_batch(points)
    return actions.new_zeros(1, actions.shape[1], 0), actions


def gradient_map(fitted: Map) -> Callable[[Array], Array]:
    """An unconditional map as a function, (n, dim) -> (n, dim)."""

    def apply(points: Array) -> Array:
        with torch.no_grad():
            return fitted.gradient(*stateless(points))[0].double().numpy()

    return apply
