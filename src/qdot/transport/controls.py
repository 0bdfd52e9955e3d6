"""Maps that must miss, and how a table calls them."""

from collections.abc import Callable

import numpy as np

from qdot.transport.fitting import FIXED
from qdot.transport.problems import Array, Sampled

SHIFT_ONLY = "shift_only"
CONTROLS = (FIXED, SHIFT_ONLY)  # of a problem whose map stretches and shrinks


def shift_only(problem: Sampled, seed: int, samples: int = 20_000) -> Callable[[Array], Array]:
    """Add the difference of the sample means: what a map without curvature can do at best."""
    rng = np.random.default_rng([seed, 2])
    shift = problem.target(rng, samples).mean(0) - problem.source(rng, samples).mean(0)
    return lambda points: points + shift


def quarter_turn(points: Array) -> Array:
    """Turn points in the plane by 90 degrees about their mean: it keeps a Gaussian and is optimal for no cost."""
    centre = points.mean(axis=0)
    offset = points - centre
    return centre + np.stack([-offset[:, 1], offset[:, 0]], axis=1)
