"""Study `metric`: is the measured distance a distance, is the learned map symmetric, and does it carry the mass."""

from collections.abc import Callable
from typing import cast

import numpy as np
import torch

from qdot.algorithms.convex_layers import ContextHeads
from qdot.algorithms.icnn import PartiallyConvexPotential
from qdot.transport.controls import SHIFT_ONLY, shift_only
from qdot.transport.exact import paired_cost, w1, w2_squared
from qdot.transport.fitting import Budget, Epochs, fresh_potential, gradient_map
from qdot.transport.mass import energy_ratio, inverse_errors, log_density_error
from qdot.transport.problems import Array, Problem, Sampled, gaussian_pair, gaussians
from qdot.transport.records import Row
from qdot.transport.semidual import fit_semidual

STUDY = "metric"
DIRACS = np.array([[[0.0]], [[1.0]], [[2.0]]])  # three laws of one point each, at 0, 1, 2
BUDGETS = {
    "tiny": Budget(0),
    "small": Budget(400, 1024, 2e-2),
    "full": Budget(1000, 1024, 1e-2),
}
SIZE = 2000  # points of a law where samples are compared
FITTED = 8192  # points a side that the maps are fitted to
ROUNDING = 1e-9
# Strong convexity is due this much: |x' - x| <= |T(x') - T(x)| / c <= 1e-9 (1 + |T(x)|) / c, so 1e-6 at c = 1e-3 times
# (1 + |T(x)|) / (1 + |x|), for which 10 is allowed.
INVERSE_BOUND = 1e-5
Distance = Callable[[Array, Array], float]  # between laws (states, n, dim): a distance over states too


def rows(scale: str, seed: int) -> list[Row]:
    """Triangles; where there is a budget for fits, also symmetry, identity, mass and inverse."""
    found = triangle_rows(seed, triples=20 if scale == "tiny" else 200)
    return found if scale == "tiny" else found + learned_rows(BUDGETS[scale], seed) + floor_rows(seed)


def triangle_rows(seed: int, triples: int) -> list[Row]:
    """Largest d(P, R) - d(P, Q) - d(Q, R) over random triples; on the Diracs, of the square: it must exceed 0."""
    rng = np.random.default_rng([seed, 3])
    laws = [
        rng.normal(size=(3, 1, 1, 2)) + rng.uniform(0.2, 1.5, size=(3, 1, 1, 1)) * rng.normal(size=(3, 4, 30, 2))
        for _ in range(triples)
    ]
    found = []
    for name, distance in DISTANCES.items():
        worst = max(triangle_excess(distance, *triple) for triple in laws)
        found.append(_row("random-triples", name, 2, seed, "triangle_excess", worst, f"< {ROUNDING:g}", "POT"))
    squared = triangle_excess(lambda p, q: w2_squared(p[0], q[0]), *DIRACS[:, None])
    identity = ("diracs-0-1-2", "w2_squared", 1, seed)
    return [*found, _row(*identity, "triangle_excess", squared, "> 1", "4 - 1 - 1 by hand", control=True)]


DISTANCES: dict[str, Distance] = {
    "w2": lambda p, q: float(np.sqrt(w2_squared(p[0], q[0]))),
    "w1": lambda p, q: w1(p[0], q[0]),
    "root_mean_w2_squared": lambda p, q: float(
        np.sqrt(np.mean([w2_squared(*pair) for pair in zip(p, q, strict=True)]))
    ),
}


def triangle_excess(distance: Distance, first: Array, second: Array, third: Array) -> float:
    """The amount by which a detour over `second` is shorter than the direct way, at most 0 for a distance."""
    return distance(first, third) - distance(first, second) - distance(second, third)


def learned_rows(budget: Budget, seed: int) -> list[Row]:
    """Maps fitted both ways and from a law to itself, on two Gaussians in the plane.

    Both ways see the same two samples, and are measured on them: what differs is the maps alone.
    """
    problem, rng = gaussians(), np.random.default_rng([seed, 4])
    first, second = problem.source(rng, FITTED), problem.target(rng, FITTED)
    there = _fit("there", first, second, budget, seed)
    costs = [paired_cost(first, gradient_map(there)(first))]
    costs.append(paired_cost(second, gradient_map(_fit("back", second, first, budget, seed))(second)))
    asymmetry = 100.0 * abs(costs[0] - costs[1]) / costs[0]
    exact = paired_cost(first, problem.exact_map(first))
    error = 100.0 * abs(costs[0] - exact) / exact
    still = paired_cost(first, gradient_map(_fit("still", first, problem.source(rng, FITTED), budget, seed))(first))
    floor = w2_squared(problem.source(rng, SIZE), problem.source(rng, SIZE))
    return [
        _row(problem.name, "icnn", 2, seed, "cost_asymmetry_percent", asymmetry, "< 2", "our map fitted backwards"),
        _row(problem.name, "icnn", 2, seed, "cost_error_percent", error, "", "optimal map in closed form"),
        _row("identity", "icnn", 2, seed, "cost_over_floor", still / floor, "< 1", "POT, two samples of one law"),
        *mass_rows(problem, there, seed),
    ]


def _fit(name: str, source: Array, target: Array, budget: Budget, seed: int) -> PartiallyConvexPotential:
    """The semi-dual between two samples of equal size."""
    law = Sampled(name, source.shape[1], Epochs(source), lambda _, n: target[:n])
    return fit_semidual(law, budget, seed, pool_size=len(target))


def mass_rows(problem: Problem, potential: PartiallyConvexPotential, seed: int) -> list[Row]:
    """Change of variables, energy distance and inverse of a fitted map; a shift must miss the first two."""
    rng = np.random.default_rng([seed, 5])
    points, target = problem.source(rng, SIZE), problem.target(rng, 2 * SIZE)
    found = []
    for name, fitted in (("icnn", gradient_map(potential)), (SHIFT_ONLY, shift_only(problem, seed))):
        miss = name == SHIFT_ONLY
        density = log_density_error(fitted, points, *gaussian_pair())
        ratio = energy_ratio(fitted(points), target, rng)
        sign = ">" if miss else "<"
        identity = (problem.name, name, 2, seed)
        found += [
            _row(*identity, "log_density_error", density, f"{sign} 0.1", "scipy logpdf; our finite differences", miss),
            _row(*identity, "energy_ratio", ratio, f"{sign} 2", "energy distance, split halves, n = 2000", miss),
        ]
    return found + _inverse_rows(problem.name, potential, points, seed)


def floor_rows(seed: int) -> list[Row]:
    """A map with c at its floor of 1e-3 is still inverted through the conjugate."""
    points = np.random.default_rng([seed, 6]).normal(size=(SIZE, 2))
    return _inverse_rows("quadratic-at-floor", floor_potential(seed), points, seed)


def floor_potential(seed: int) -> PartiallyConvexPotential:
    """A potential in the plane with c at its floor and random weights on its convex units."""
    potential = fresh_potential(2, Budget(0), seed)
    with torch.no_grad():
        potential.readout.raw.uniform_(0.0, 0.2, generator=torch.Generator().manual_seed(seed))
        cast(ContextHeads, potential.heads[-1]).bias[..., -1] = -30.0  # c(s) = min_quadratic + softplus(-30)
    return potential


def _inverse_rows(problem: str, potential: PartiallyConvexPotential, points: Array, seed: int) -> list[Row]:
    solved, worst = inverse_errors(potential, points)
    referee = "the points x themselves, by our T^-1(T(x))"
    return [
        _row(problem, "icnn", 2, seed, "inverted_share", solved, "> 0.99", referee),
        _row(problem, "icnn", 2, seed, "inverse_error", worst, f"< {INVERSE_BOUND:g}", referee),
    ]


def _row(
    problem: str,
    name: str,
    dim: int,
    seed: int,
    metric: str,
    value: float,
    threshold: str,
    referee: str,
    control: bool = False,
) -> Row:
    return Row(STUDY, problem, name, dim, 0, seed, metric, value, threshold, referee, control)
