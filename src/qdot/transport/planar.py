"""Shapes in the plane, whose optimal map nobody knows: exact transport between samples is the referee."""

import numpy as np

from qdot.transport.problems import Array, Sampled


def normal(rng: np.random.Generator, n: int) -> Array:
    """The source of every shape: N(0, I) in 2-D."""
    return rng.normal(size=(n, 2))


def mixture(rng: np.random.Generator, n: int) -> Array:
    """Eight Gaussians on a circle of radius 2."""
    angles = 2.0 * np.pi * rng.integers(8, size=n) / 8
    return 2.0 * np.stack([np.cos(angles), np.sin(angles)], axis=1) + 0.2 * rng.normal(size=(n, 2))


def ring(rng: np.random.Generator, n: int) -> Array:
    """A circle of radius 1.5 with a soft edge."""
    angles = rng.uniform(0.0, 2.0 * np.pi, size=n)
    radii = 1.5 + 0.1 * rng.normal(size=n)
    return radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def moons(rng: np.random.Generator, n: int) -> Array:
    """Two interleaved half circles."""
    angles, upper = rng.uniform(0.0, np.pi, size=n), rng.random(n) < 0.5
    first = np.stack([np.cos(angles) - 0.5, np.sin(angles) - 0.25], axis=1)
    points = np.where(upper[:, None], first, -first)
    return 1.5 * points + 0.1 * rng.normal(size=(n, 2))


SHAPES = {"mixture": mixture, "ring": ring, "moons": moons}


def shape(name: str) -> Sampled:
    """The problem normal -> shape."""
    return Sampled(name, 2, normal, SHAPES[name])
