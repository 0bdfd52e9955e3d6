"""Study `shapes`: mixture, ring and moons in the plane, against exact transport between samples.

Two samples of one law are apart too: the same-law floor stands beside every distance. In 2-D with 5,000 points it is
small; it is why no row of this study has more dimensions.
"""

from dataclasses import dataclass

import numpy as np

from qdot.algorithms.maps import RUNGS
from qdot.transport.controls import SHIFT_ONLY
from qdot.transport.exact import w2_squared
from qdot.transport.fitting import FIXED, Budget
from qdot.transport.planar import shape
from qdot.transport.problems import Sampled
from qdot.transport.records import Row
from qdot.transport.unpaired import fit

SIZE = 5000  # points a side
BOUND, CONTROL = "< 2", "> 2"  # excess over the floor, in percent of the target's variance
REFEREE = "POT emd2, n = 5000 a side"


@dataclass(frozen=True)
class Plan:
    """What a scale runs."""

    shapes: tuple[str, ...]
    maps: tuple[str, ...]
    budget: Budget


PLANS = {
    "tiny": Plan((), (), Budget(0)),
    "small": Plan(("ring",), ("icnn", SHIFT_ONLY), Budget(400, learning_rate=2e-2)),
    "full": Plan(("mixture", "ring", "moons"), (*RUNGS, FIXED, SHIFT_ONLY), Budget(1500, learning_rate=2e-2)),
}


def rows(scale: str, seed: int) -> list[Row]:
    """Every shape of a scale."""
    plan = PLANS[scale]
    return [row for name in plan.shapes for row in shape_rows(shape(name), plan.maps, plan.budget, seed)]


def shape_rows(problem: Sampled, maps: tuple[str, ...], budget: Budget, seed: int) -> list[Row]:
    """W2^2 between image and target, the floor, and the excess of the first over the second."""
    rng = np.random.default_rng([seed, 1])
    source, target, other = problem.source(rng, SIZE), problem.target(rng, SIZE), problem.target(rng, SIZE)
    floor, variance = w2_squared(other, target), float(target.var(axis=0).sum())

    def row(name: str, metric: str, value: float, threshold: str = "") -> Row:
        control = name == SHIFT_ONLY and bool(threshold)
        return Row("shapes", problem.name, name, problem.dim, 0, seed, metric, value, threshold, REFEREE, control)

    found = [row("same_law", "w2_squared", floor)]
    for name in maps:
        distance = w2_squared(fit(problem, name, budget, seed)(source), target)
        excess = 100.0 * (distance - floor) / variance
        bound = BOUND if name == "icnn" else CONTROL if name == SHIFT_ONLY else ""
        found += [row(name, "w2_squared", distance), row(name, "excess_percent", excess, bound)]
    return found
