"""The synthetic studies as rows: the learned map, and beside it maps that must miss."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from qdot.transport.fitting import Budget
from qdot.transport.problems import Array, Problem, QuadraticValue, gaussians, l2_uvp, proximal, rearrangement
from qdot.transport.regularised import fit_regularised
from qdot.transport.semidual import fit_semidual

TRANSPORT_WEIGHT = 1.0
# One strongly concave and one weakly convex direction, oblique to the axes: the proximal map contracts by .43 and
# expands by 1.05. The deviation keeps actions and images inside the box.
VALUE = QuadraticValue(curvature=np.array([[2.0, 1.2], [1.2, 0.6]]), peak=np.array([0.3, -0.2]))
DEVIATION = np.array([0.2, 0.15])


@dataclass(frozen=True)
class Row:
    """One map on one problem.

    Attributes:
        study: "regularised" (Q-DOT's own loss) or "semidual" (unpaired samples).
        problem: Name of the problem.
        map: "icnn", "fixed_quadratic" (Jacobian at least I) or "shift_only" (the difference of the means).
        l2_uvp: Error in percent.
    """

    study: str
    problem: str
    map: str
    l2_uvp: float


def regularised_study(budget: Budget, seed: int) -> list[Row]:
    """Q-DOT's own loss with a quadratic Q in 2-D, against the proximal map of Q."""
    problem = proximal(VALUE, DEVIATION, TRANSPORT_WEIGHT)

    def fit(fixed_quadratic: bool) -> Callable[[Array], Array]:
        return fit_regularised(problem, VALUE, TRANSPORT_WEIGHT, budget, seed, fixed_quadratic)

    return _rows("regularised", problem, fit, seed)


def semidual_study(problem: Problem, budget: Budget, seed: int) -> list[Row]:
    """The map between two sampled distributions, against the optimal one."""

    def fit(fixed_quadratic: bool) -> Callable[[Array], Array]:
        return fit_semidual(problem, budget, seed, fixed_quadratic)

    return _rows("semidual", problem, fit, seed)


def all_studies(seed: int = 0) -> list[Row]:
    """Every row at its full budget (about two minutes on one core)."""
    rows = regularised_study(Budget(iterations=3000), seed)
    rows += semidual_study(gaussians(), Budget(iterations=1500, batch_size=512), seed)
    return rows + semidual_study(rearrangement(), Budget(iterations=2000, learning_rate=2e-2), seed)


def shift_only(problem: Problem, seed: int, samples: int = 20_000) -> Callable[[Array], Array]:
    """Add the difference of the sample means: what a map without curvature can do at best."""
    rng = np.random.default_rng([seed, 2])
    shift = problem.target(rng, samples).mean(0) - problem.source(rng, samples).mean(0)
    return lambda points: points + shift


def _rows(study: str, problem: Problem, fit: Callable[[bool], Callable[[Array], Array]], seed: int) -> list[Row]:
    """Measure the fitted map and the two that must miss."""
    maps = {"icnn": fit(False), "fixed_quadratic": fit(True), "shift_only": shift_only(problem, seed)}
    return [Row(study, problem.name, name, l2_uvp(learned, problem, seed)) for name, learned in maps.items()]
