"""Problems of any dimension whose map has a stated spectrum, and one whose map is no affine function."""

import numpy as np
from scipy import special

from qdot.transport.problems import Array, Problem, QuadraticValue, proximal

SPREAD = 0.2  # largest deviation of actions and of their images: 4.5 of them stay inside the box
REFERENCE = 200_000  # samples behind a target's variance where it has no closed form


def _spectrum(dim: int, low: float, high: float, seed: int) -> tuple[np.random.Generator, Array, Array]:
    """A generator, eigenvalues spaced evenly on a log scale, and random orthogonal axes."""
    rng = np.random.default_rng([seed, dim, 3])
    axes, _ = np.linalg.qr(rng.normal(size=(dim, dim)))
    return rng, np.geomspace(low, high, dim), axes


def spectral_proximal(
    dim: int, low: float, high: float, transport_weight: float, seed: int
) -> tuple[Problem, QuadraticValue]:
    """A quadratic Q whose proximal map has a Jacobian with eigenvalues from `low` to `high`.

    An eigenvalue j of the map is a curvature 2 alpha (1 / j - 1) of -Q: negative, so that Q is convex there, where the
    map expands.
    """
    rng, eigenvalues, axes = _spectrum(dim, low, high, seed)
    curvature = (axes * (2.0 * transport_weight * (1.0 / eigenvalues - 1.0))) @ axes.T
    peak = axes @ (0.1 * rng.normal(size=dim) / np.maximum(1.0, np.abs(eigenvalues - 1.0)))
    value = QuadraticValue(0.5 * (curvature + curvature.T), peak)
    root = axes * (SPREAD / np.maximum(1.0, eigenvalues))
    return proximal(value, root, transport_weight), value


def spectral_gaussians(dim: int, low: float, high: float, seed: int) -> Problem:
    """N(0, I) and its image under x -> A x + b with A symmetric, eigenvalues from `low` to `high`."""
    rng, eigenvalues, axes = _spectrum(dim, low, high, seed)
    matrix, shift = (axes * eigenvalues) @ axes.T, rng.normal(size=dim)
    return Problem(
        name=f"gaussians-{low:g}-{high:g}",
        dim=dim,
        source=lambda rng, n: rng.normal(size=(n, dim)),
        target=lambda rng, n: rng.normal(size=(n, dim)) @ matrix + shift,
        exact_map=lambda x: x @ matrix + shift,
        target_variance=float(np.square(eigenvalues).sum()),
    )


def convex_pushforward(dim: int, seed: int, units: int = 12, sharpness: float = 1.5) -> Problem:
    """N(0, I) pushed forward by the gradient of 0.3 |x|^2 / 2 + log-sum-exp of random planes: no Gaussian any more.

    The potential is convex, so its gradient is the optimal map (Brenier 1991), whatever the dimension.
    """
    rng = np.random.default_rng([seed, dim, 4])
    slopes = rng.normal(size=(units, dim))
    slopes *= 2.0 / np.linalg.norm(slopes, axis=1, keepdims=True)
    offsets = 0.3 * rng.normal(size=units)

    def exact(points: Array) -> Array:
        shares = special.softmax(sharpness * (points @ slopes.T + offsets), axis=1)
        return np.asarray(0.3 * points + shares @ slopes, dtype=np.float64)

    def sample(rng: np.random.Generator, n: int) -> Array:
        return rng.normal(size=(n, dim))

    images = exact(sample(np.random.default_rng([seed, dim, 5]), REFERENCE))
    return Problem(
        name="convex-pushforward",
        dim=dim,
        source=sample,
        target=lambda rng, n: exact(sample(rng, n)),
        exact_map=exact,
        target_variance=float(images.var(axis=0).sum()),
    )
