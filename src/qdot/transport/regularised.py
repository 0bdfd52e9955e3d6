"""Q-DOT's own loss on a Q that is known: the map it should find is the proximal map of Q."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from qdot.algorithms.ladder import Map
from qdot.algorithms.transport_loss import clip_to_box, transport_cost, transport_loss
from qdot.transport.fitting import Budget, fresh_map, minimise, stateless
from qdot.transport.problems import Array, QuadraticValue

Value = Callable[[Tensor], Tensor]  # Q, (1, n, dim) -> (1, n)
Cost = Callable[[Tensor, Tensor], Tensor]  # of mapped and original actions, -> (1,)
Source = Callable[[np.random.Generator, int], Array]


def quadratic(value: QuadraticValue) -> Value:
    """Q of a `QuadraticValue` for tensors."""
    curvature = torch.as_tensor(value.curvature, dtype=torch.float32)
    peak = torch.as_tensor(value.peak, dtype=torch.float32)

    def q_values(actions: Tensor) -> Tensor:
        offset = actions - peak
        return -0.5 * ((offset @ curvature) * offset).sum(-1)

    return q_values


def resample(points: Array) -> Source:
    """A source that only knows these points: rows drawn with replacement."""
    return lambda rng, n: points[rng.integers(len(points), size=n)]


def fit_regularised(
    source: Source,
    dim: int,
    q_values: Value,
    transport_weight: float,
    budget: Budget,
    seed: int,
    name: str = "icnn",
    cost: Cost = transport_cost,
    executed: Callable[[Tensor], Tensor] = clip_to_box,
) -> Map:
    """Fit a map by E[-Q(clip(T(a))) + alpha cost(T(a), a)] on sampled actions, and nothing else.

    Args:
        source: Where the actions come from.
        dim: Width of the action.
        q_values: Q.
        transport_weight: alpha; lambda is 1.
        budget: Iterations, batch, learning rate, widths.
        seed: Of the initial weights and of the samples.
        name: Of the map, see `fresh_map`.
        cost: Of the transport; the mean squared distance by default.
        executed: What Q sees of the map; the clipped map by default.

    Returns:
        The fitted map.
    """
    fitted = fresh_map(name, dim, budget, seed)
    rng = np.random.default_rng([seed, 0])

    def loss(_: int) -> Tensor:
        states, actions = stateless(source(rng, budget.batch_size))
        mapped = fitted.gradient(states, actions)
        return transport_loss(q_values(executed(mapped)), cost(mapped, actions), 1.0, transport_weight).sum()

    minimise(fitted, loss, budget)
    return fitted
