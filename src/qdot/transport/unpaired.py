"""Study `unpaired`: the map from samples of both sides, by the semi-dual; the rungs without convexity by max-min."""

from collections.abc import Callable
from dataclasses import dataclass

from qdot.algorithms.maps import RUNGS
from qdot.transport.controls import CONTROLS, SHIFT_ONLY, shift_only
from qdot.transport.fitting import FIXED, Budget, gradient_map
from qdot.transport.maximin import fit_maximin
from qdot.transport.problems import Array, Problem, Sampled, gaussians, l2_uvp, rearrangement
from qdot.transport.records import Row
from qdot.transport.semidual import fit_semidual
from qdot.transport.spectral import convex_pushforward, spectral_gaussians

# Times the case's bound: what maps without contraction, or without curvature, must err by more than. Where the map
# mostly expands c = 1 costs little: 3.9% at best in 16-D from .5 to 2, sum (1 - j)^2 over j < 1 by sum j^2.
CONTROL = {FIXED: 1.5, SHIFT_ONLY: 3.0}
MAXIMIN_RATE = 2e-3  # learning rate of the adversarial fits; that of the semi-dual makes them diverge
MAPS = (*RUNGS, *CONTROLS)
CONTROLLED = ("icnn", *CONTROLS)  # the map under test and the two that must miss
REFEREE = "optimal map in closed form"


@dataclass(frozen=True)
class Case:
    """One problem and its bound.

    Attributes:
        problem: Makes the problem, the same for every seed.
        bound: L2-UVP that the ICNN must stay under, in percent; None where it is only reported.
        budget: Of the semi-dual fits; the max-min fits take as many steps of their critic.
    """

    problem: Callable[[], Problem]
    bound: float | None
    budget: Budget


PLANE = Case(gaussians, 0.5, Budget(500, learning_rate=2e-2))
CASES = {
    "tiny": (Case(gaussians, 0.5, Budget(250, learning_rate=2e-2)),),
    "small": (PLANE, Case(lambda: convex_pushforward(4, seed=0), 2.0, Budget(400, learning_rate=2e-2))),
    "full": (
        Case(gaussians, 0.5, Budget(1500, 512)),
        Case(rearrangement, 0.5, Budget(2000, learning_rate=2e-2)),
        Case(lambda: spectral_gaussians(16, 0.5, 2.0, seed=0), 2.0, Budget(1000, learning_rate=1e-2)),
        Case(lambda: spectral_gaussians(16, 0.1, 10.0, seed=0), None, Budget(1000, learning_rate=1e-2)),
        Case(lambda: convex_pushforward(4, seed=0), 2.0, Budget(1200, 512, 1e-2)),
        Case(lambda: convex_pushforward(8, seed=0), None, Budget(1200, 512, 1e-2)),
    ),
}


def fit(problem: Sampled, name: str, budget: Budget, seed: int) -> Callable[[Array], Array]:
    """The map of a rung or control, (n, dim) -> (n, dim), from samples."""
    if name == SHIFT_ONLY:
        return shift_only(problem, seed)
    if name in ("icnn", FIXED):
        return gradient_map(fit_semidual(problem, budget, seed, fixed_quadratic=name == FIXED))
    calm = Budget(budget.iterations, budget.batch_size, MAXIMIN_RATE, budget.hidden)
    return gradient_map(fit_maximin(problem, calm, seed, name))


def rows(scale: str, seed: int) -> list[Row]:
    """Every case of a scale, the two maps that must miss, and at full scale every rung of the ladder."""
    maps = MAPS if scale == "full" else CONTROLLED
    return [row for case in CASES[scale] for row in case_rows(case, seed, maps)]


def case_rows(case: Case, seed: int, maps: tuple[str, ...] = MAPS) -> list[Row]:
    """L2-UVP of each map on one problem."""
    problem = case.problem()
    found = []
    for name in maps:
        error = l2_uvp(fit(problem, name, case.budget, seed), problem, seed)
        identity = ("unpaired", problem.name, name, problem.dim, 0, seed)
        found.append(Row(*identity, "l2_uvp", error, _bound(case, name), REFEREE, control=name in CONTROLS))
    return found


def _bound(case: Case, name: str) -> str:
    """The ICNN must come near, the controls must miss; the other rungs are reported."""
    if case.bound is None:
        return ""
    if name in CONTROLS:
        return f"> {CONTROL[name] * case.bound:g}"
    return f"< {case.bound:g}" if name == "icnn" else ""
