"""Whether a map carries one law onto another: change of variables, energy distance, inverse."""

import copy

import numpy as np
import torch
from scipy import stats
from scipy.spatial.distance import cdist

from qdot.algorithms.icnn import PartiallyConvexPotential
from qdot.transport.geometry import TransportMap, jacobians
from qdot.transport.problems import Array
from qdot.transport.semidual import conjugate_points

INVERSE_TOLERANCE = 1e-9  # of |T(x') - T(x)|, relative to 1 + |T(x)|
RESTARTS = 4  # of Newton's method, each from where the last stopped


def log_density_error(fitted: TransportMap, points: Array, means: Array, covariances: Array) -> float:
    """E|log p(x) - log det J(x) - log q(T(x))| in nats between two Gaussians: 0 where T carries p onto q.

    Args:
        fitted: T, (n, dim) -> (n, dim).
        points: Samples of p, (n, dim).
        means: Of p and q, (2, dim).
        covariances: Of p and q, (2, dim, dim).
    """
    sign, log_det = np.linalg.slogdet(jacobians(fitted, points))
    if (sign <= 0.0).any():
        return float("inf")  # a fold: mass is not carried one to one
    before = stats.multivariate_normal(means[0], covariances[0]).logpdf(points)
    after = stats.multivariate_normal(means[1], covariances[1]).logpdf(fitted(points))
    return float(np.abs(before - log_det - after).mean())


def energy_distance(first: Array, second: Array) -> float:
    """2 E|x - y| - E|x - x'| - E|y - y'| over all pairs (Szekely and Rizzo 2013); samples of one law differ."""
    between, within = cdist(first, second).mean(), cdist(first, first).mean() + cdist(second, second).mean()
    return float(2.0 * between - within)


def energy_ratio(images: Array, target: Array, rng: np.random.Generator, splits: int = 20) -> float:
    """Energy distance of image and target over its mean between random halves of the target.

    Args:
        images: T(x), (n, dim).
        target: (2 n, dim): the first n face the images, and random halves of all make the null.
        rng: Of the splits.
        splits: How many.
    """
    size = len(images)
    null = []
    for _ in range(splits):
        rows = rng.permutation(len(target))
        null.append(energy_distance(target[rows[:size]], target[rows[size : 2 * size]]))
    return energy_distance(images, target[:size]) / float(np.mean(null))


def inverse_errors(
    potential: PartiallyConvexPotential, points: Array, tolerance: float = INVERSE_TOLERANCE
) -> tuple[float, float]:
    """(share of rows that were solved, worst |x' - x| / (1 + |x|) of all rows) for x' = T^-1(T(x)) by the conjugate.

    Computed in double precision: the rounding of T(x) in single precision alone moves x' by 1e-7 / c.
    """
    exact = copy.deepcopy(potential).double()
    originals = torch.as_tensor(points, dtype=torch.float64)[None]
    with torch.no_grad():
        targets = exact.gradient(originals.new_zeros(1, len(points), 0), originals)
    found = targets
    for _ in range(RESTARTS):
        found, solved = conjugate_points(exact, targets, found, tolerance)
    missed = torch.linalg.vector_norm(found - originals, dim=-1)
    relative = missed / (1.0 + torch.linalg.vector_norm(originals, dim=-1))
    return float(solved.double().mean()), float(relative.max())
