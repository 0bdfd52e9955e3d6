"""What a map is, measured without its definition: Jacobians, monotone pairs, cycles."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from qdot.transport.problems import Array

TransportMap = Callable[[Array], Array]
SLACK = 1e-6  # relative: float32 rounding is no violation


def jacobians(fitted: TransportMap, points: Array, step: float = 1e-2) -> Array:
    """Central differences of a map, (n, dim, dim); [i, :, k] is the derivative along axis k."""
    axes = np.eye(points.shape[1])
    columns = [(fitted(points + step * axis) - fitted(points - step * axis)) / (2.0 * step) for axis in axes]
    return np.stack(columns, axis=-1)


def asymmetry(jacobian: Array) -> float:
    """E||J - J'|| / E||J - I||: 0 for a gradient; what a map does besides being one."""
    turned = np.linalg.norm(jacobian - jacobian.swapaxes(1, 2), axis=(1, 2)).mean()
    moved = np.linalg.norm(jacobian - np.eye(jacobian.shape[1]), axis=(1, 2)).mean()
    return float(turned / max(moved, 1e-12))


def pair_violations(points: Array, images: Array, rng: np.random.Generator, draws: int = 20_000) -> float:
    """Share of random pairs with <T(x) - T(y), x - y> < 0: none for a monotone map."""
    return cycle_violations(points, images, rng, length=2, draws=draws)


def cycle_violations(points: Array, images: Array, rng: np.random.Generator, length: int, draws: int = 20_000) -> float:
    """Share of random cycles x_1 .. x_k that break sum_i <T(x_i), x_i - x_{i+1}> >= 0 (Rockafellar 1966).

    Points of a cycle are drawn near each other, as a chain of nearest neighbours: far apart no map here would fail.
    """
    neighbours = _neighbours(points)
    rows = np.empty((draws, length), dtype=np.int64)
    rows[:, 0] = rng.integers(len(points), size=draws)
    for place in range(1, length):
        rows[:, place] = neighbours[rows[:, place - 1], rng.integers(neighbours.shape[1], size=draws)]
    steps = points[rows] - points[np.roll(rows, -1, axis=1)]
    terms = (images[rows] * steps).sum(axis=-1)
    return float((terms.sum(axis=1) < -SLACK * np.abs(terms).sum(axis=1)).mean())


def _neighbours(points: Array, count: int = 5) -> NDArray[np.int64]:
    """Rows of each point's nearest others, (n, count)."""
    _, rows = KDTree(points).query(points, k=count + 1)
    return np.asarray(rows, dtype=np.int64)[:, 1:]
