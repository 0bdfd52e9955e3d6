"""Optimal maps from unpaired samples by the semi-dual: the map is grad psi.

Minimise E_P psi(x) + E_Q psi*(y) over convex psi. The conjugate psi*(y) = max_x <x, y> - psi(x) is solved by damped
Newton steps and differentiated by the envelope theorem (Taghvaei and Jalali 2019; Amos 2023). No transport plan is
looked at.
"""

import numpy as np
import torch
from torch import Tensor

from qdot.algorithms.icnn import PartiallyConvexPotential
from qdot.transport.fitting import Budget, Epochs, fresh_potential, minimise, stateless
from qdot.transport.problems import Sampled

POOL = 16_384  # target samples, each with the last maximiser of its conjugate as a warm start
NEWTON_STEPS = 12  # at most; two or three suffice from a warm start
TOLERANCE = 1e-3  # of |grad psi(x) - y|, relative to 1 + |y|: enough for a step of the fit


def conjugate_points(
    potential: PartiallyConvexPotential, targets: Tensor, start: Tensor, tolerance: float = TOLERANCE
) -> tuple[Tensor, Tensor]:
    """The x with grad psi(x) = y, by Newton's method with a step that is quartered wherever psi(x) - <x, y> would rise.

    Args:
        potential: An unconditional potential; strongly convex, so the maximiser exists and is unique.
        targets: y, (1, n, dim).
        start: First guesses, (1, n, dim).
        tolerance: Of |grad psi(x) - y|, relative to 1 + |y|, where a row counts as solved; x is then within
            tolerance (1 + |y|) / c of the maximiser, c the least curvature of psi.

    Returns:
        x, (1, n, dim), detached, and whether each row was solved, (1, n).
    """
    points, scale = start, torch.ones_like(targets[..., :1])
    best = torch.full_like(scale, torch.inf)
    direction = torch.zeros_like(targets)
    solved = torch.zeros_like(scale, dtype=torch.bool)
    for _ in range(NEWTON_STEPS):
        trial = points - scale * direction
        objective, residual, hessian = _local_model(potential, trial, targets)
        falls = objective <= best + 1e-6 * (1.0 + best.abs())
        size = torch.linalg.vector_norm(residual, dim=-1, keepdim=True)
        small = size <= tolerance * (1.0 + torch.linalg.vector_norm(targets, dim=-1, keepdim=True))
        points = torch.where(falls, trial, points)
        best = torch.where(falls, objective, best)
        solved = torch.where(falls, small, solved)
        if solved.all():
            break
        direction = torch.where(falls, torch.linalg.solve(hessian, residual), direction)
        scale = torch.where(falls, torch.ones_like(scale), 0.25 * scale)
    return points, solved.squeeze(-1)


def _local_model(potential: PartiallyConvexPotential, points: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """psi(x) - <x, y> (1, n, 1), its gradient (1, n, dim) and its Hessian (1, n, dim, dim), all detached."""
    states = points.new_zeros(1, points.shape[1], 0)
    points = points.detach().requires_grad_()
    gradient = potential.gradient(states, points)
    units = torch.eye(points.shape[-1], dtype=points.dtype)[:, None, None].expand(-1, *points.shape)
    rows = torch.autograd.grad(gradient, points, units, is_grads_batched=True)[0]
    with torch.no_grad():
        objective = potential(states, points) - (points * targets).sum(-1)
        return objective.unsqueeze(-1), gradient - targets, rows.movedim(0, -2)


def fit_semidual(
    problem: Sampled, budget: Budget, seed: int, fixed_quadratic: bool = False, pool_size: int = POOL
) -> PartiallyConvexPotential:
    """Fit the optimal map from samples of both sides.

    Args:
        problem: Where samples come from.
        budget: Iterations, batch, learning rate, widths.
        seed: Of the initial weights and of the samples.
        fixed_quadratic: Hold c = 1: the row that must miss a contraction.
        pool_size: Number of target samples; the map is as far off as their mean is.

    Returns:
        The fitted potential; its gradient is the map.
    """
    potential = fresh_potential(problem.dim, budget, seed, fixed_quadratic)
    rng = np.random.default_rng([seed, 0])
    _, pool = stateless(problem.target(rng, pool_size))
    warm = pool.clone()  # exact at first: the map starts at the identity
    draw = Epochs(np.arange(pool_size))

    def loss(_: int) -> Tensor:
        rows = torch.from_numpy(draw(rng, budget.batch_size))
        points, solved = conjugate_points(potential, pool[:, rows], warm[:, rows])
        warm[:, rows] = points
        states, source = stateless(problem.source(rng, budget.batch_size))
        # An unsolved row bounds its conjugate from below only: minimising that would run away, so it waits.
        conjugate = torch.where(solved, -potential(states, points), 0.0)
        return (potential(states, source) + conjugate).mean()

    minimise(potential, loss, budget)
    return potential
