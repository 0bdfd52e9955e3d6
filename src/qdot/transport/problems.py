"""Transport problems whose optimal map is known: what a learned map is measured against."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, stats

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Sampled:
    """Two distributions that can be sampled.

    Attributes:
        name: Name of the row in a table.
        dim: Dimension of the space.
        source: (generator, n) -> (n, dim), independent samples.
        target: (generator, n) -> (n, dim), independent samples, not paired with the source's.
    """

    name: str
    dim: int
    source: Callable[[np.random.Generator, int], Array]
    target: Callable[[np.random.Generator, int], Array]


@dataclass(frozen=True)
class Problem(Sampled):
    """With the optimal map between them for the squared cost.

    Attributes:
        exact_map: (n, dim) -> (n, dim).
        target_variance: Trace of the target's covariance.
    """

    exact_map: Callable[[Array], Array]
    target_variance: float


@dataclass(frozen=True)
class QuadraticValue:
    """Q(t) = -0.5 (t - peak)' curvature (t - peak), whose proximal map is affine.

    Attributes:
        curvature: (dim, dim), symmetric; -curvature is the Hessian of Q.
        peak: (dim,).
    """

    curvature: Array
    peak: Array

    def proximal(self, actions: Array, q_weight: float, transport_weight: float) -> Array:
        """argmax_t lambda Q(t) - alpha |t - a|^2 = (lambda H + 2 alpha I)^-1 (lambda H peak + 2 alpha a), row by row.

        Raises:
            ValueError: Where the objective is not concave, so that there is no maximum.
        """
        system = q_weight * self.curvature + 2.0 * transport_weight * np.eye(len(self.peak))
        if np.linalg.eigvalsh(system).min() <= 0.0:
            raise ValueError("transport_weight: too small, lambda H + 2 alpha I must be positive definite: raise it")
        right = q_weight * self.curvature @ self.peak + 2.0 * transport_weight * actions
        return np.asarray(np.linalg.solve(system, right.T).T, dtype=np.float64)


def gaussian_map(source_mean: Array, source_cov: Array, target_mean: Array, target_cov: Array) -> tuple[Array, Array]:
    """(A, b) of the optimal map x -> A x + b between two Gaussians (Knott and Smith 1984)."""
    root = np.real(linalg.sqrtm(source_cov))
    inverse = np.linalg.inv(root)
    matrix = inverse @ np.real(linalg.sqrtm(root @ target_cov @ root)) @ inverse
    return matrix, target_mean - matrix @ source_mean


def gaussian_pair(dim: int = 2, seed: int = 0) -> tuple[Array, Array]:
    """Means (2, dim) and covariances (2, dim, dim) of two correlated Gaussians."""
    rng = np.random.default_rng([seed, dim])
    means = rng.normal(size=(2, dim))
    return means, np.stack([_covariance(rng, np.geomspace(0.25, 2.0, dim)) for _ in range(2)])


def gaussians(dim: int = 2, seed: int = 0) -> Problem:
    """Two correlated Gaussians with different means; the map stretches some directions and shrinks others."""
    means, covariances = gaussian_pair(dim, seed)
    matrix, shift = gaussian_map(means[0], covariances[0], means[1], covariances[1])
    return Problem(
        name=f"gaussians-{dim}d",
        dim=dim,
        source=lambda rng, n: rng.multivariate_normal(means[0], covariances[0], size=n),
        target=lambda rng, n: rng.multivariate_normal(means[1], covariances[1], size=n),
        exact_map=lambda x: x @ matrix.T + shift,
        target_variance=float(np.trace(covariances[1])),
    )


def _covariance(rng: np.random.Generator, eigenvalues: Array) -> Array:
    """A covariance with these eigenvalues and random axes."""
    axes, _ = np.linalg.qr(rng.normal(size=(len(eigenvalues), len(eigenvalues))))
    return (axes * eigenvalues) @ axes.T


def rearrangement() -> Problem:
    """Gamma to a mixture of two normals in 1-D: the map is the monotone rearrangement, quantile(cdf(x))."""
    source = stats.gamma(a=4.0, scale=0.5)
    weights, centres, width = (0.6, 0.4), (-1.0, 1.0), 0.6
    grid = np.linspace(-6.0, 6.0, 200_001)
    cdf = sum(w * stats.norm.cdf(grid, loc=c, scale=width) for w, c in zip(weights, centres, strict=True))
    mean = float(np.dot(weights, centres))

    def sample_target(rng: np.random.Generator, n: int) -> Array:
        return (rng.choice(centres, size=n, p=weights) + width * rng.normal(size=n))[:, None]

    return Problem(
        name="rearrangement-1d",
        dim=1,
        source=lambda rng, n: source.rvs(size=(n, 1), random_state=rng),
        target=sample_target,
        exact_map=lambda x: np.interp(source.cdf(x), cdf, grid),
        target_variance=width**2 + float(np.dot(weights, np.square(centres))) - mean**2,
    )


def proximal(value: QuadraticValue, root: Array, transport_weight: float, q_weight: float = 1.0) -> Problem:
    """Actions ~ N(0, root root') moved by the proximal map of a quadratic Q: what Q-DOT's loss should learn."""
    dim = len(value.peak)

    def sample(rng: np.random.Generator, n: int) -> Array:
        return rng.normal(size=(n, dim)) @ root.T

    def exact(actions: Array) -> Array:
        return value.proximal(actions, q_weight, transport_weight)

    images = exact(root.T) - exact(np.zeros((1, dim)))  # of the columns of the root
    return Problem(
        name=f"proximal-{dim}d",
        dim=dim,
        source=sample,
        target=lambda rng, n: exact(sample(rng, n)),
        exact_map=exact,
        target_variance=float(np.square(images).sum()),
    )


def l2_uvp(learned: Callable[[Array], Array], problem: Problem, seed: int, samples: int = 20_000) -> float:
    """100 E|T(x) - T*(x)|^2 / Var(target), in percent (Korotin et al. 2021): 0 is exact, about 100 a constant map.

    Args:
        learned: The map T, (n, dim) -> (n, dim).
        problem: The problem it was fitted to.
        seed: Of the fresh source samples the mean is taken over.
        samples: How many of them.
    """
    points = problem.source(np.random.default_rng([seed, 1]), samples)
    error = np.square(learned(points) - problem.exact_map(points)).sum(-1).mean()
    return float(100.0 * error / problem.target_variance)
