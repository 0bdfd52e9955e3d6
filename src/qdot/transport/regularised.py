"""Q-DOT's own loss on a Q that is known: the map it should find is the proximal map of Q, in closed form."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from qdot.algorithms.transport_loss import clip_to_box, transport_cost, transport_loss
from qdot.transport.fitting import Budget, fresh_potential, gradient_map, minimise, stateless
from qdot.transport.problems import Array, Problem, QuadraticValue


def fit_regularised(
    problem: Problem,
    value: QuadraticValue,
    transport_weight: float,
    budget: Budget,
    seed: int,
    fixed_quadratic: bool = False,
) -> Callable[[Array], Array]:
    """Fit grad psi by E[-Q(clip(T(a))) + alpha |T(a) - a|^2] on fresh actions, and nothing else.

    Args:
        problem: Where the actions come from; its exact map is not looked at.
        value: Q.
        transport_weight: alpha; lambda is 1.
        budget: Iterations, batch, learning rate, widths.
        seed: Of the initial weights and of the samples.
        fixed_quadratic: Hold c = 1: the row that must miss a contraction.

    Returns:
        The fitted map, (n, dim) -> (n, dim).
    """
    potential = fresh_potential(problem.dim, budget, seed, fixed_quadratic)
    rng = np.random.default_rng([seed, 0])
    curvature = torch.as_tensor(value.curvature, dtype=torch.float32)
    peak = torch.as_tensor(value.peak, dtype=torch.float32)

    def loss(_: int) -> Tensor:
        states, actions = stateless(problem.source(rng, budget.batch_size))
        mapped = potential.gradient(states, actions)
        offset = clip_to_box(mapped) - peak
        q_values = -0.5 * ((offset @ curvature) * offset).sum(-1)
        return transport_loss(q_values, transport_cost(mapped, actions), 1.0, transport_weight).sum()

    minimise(potential, loss, budget)
    return gradient_map(potential)
