"""Study `own_loss`: Q-DOT's loss with a quadratic Q, whose optimal map is the proximal map in closed form."""

from dataclasses import dataclass

import numpy as np

from qdot.algorithms.maps import RUNGS
from qdot.transport.controls import CONTROLS, SHIFT_ONLY, shift_only
from qdot.transport.fitting import Budget, gradient_map
from qdot.transport.problems import Problem, QuadraticValue, l2_uvp, proximal
from qdot.transport.records import Row
from qdot.transport.regularised import fit_regularised, quadratic
from qdot.transport.spectral import spectral_proximal

TRANSPORT_WEIGHT = 1.0
# One strongly concave and one weakly convex direction, oblique to the axes: the proximal map contracts by .43 and
# expands by 1.05. The deviation keeps actions and images inside the box.
VALUE = QuadraticValue(curvature=np.array([[2.0, 1.2], [1.2, 0.6]]), peak=np.array([0.3, -0.2]))
DEVIATION = np.diag([0.2, 0.15])
CONTROL = 10.0  # times the bound: maps without curvature, or without contraction, must err by more
MAPS = (*RUNGS, *CONTROLS)
CONTROLLED = ("icnn", *CONTROLS)  # the map under test and the two that must miss
REFEREE = "proximal map in closed form"


@dataclass(frozen=True)
class Case:
    """One problem and its bound.

    Attributes:
        name: In the table.
        dim: Of the action.
        spectrum: Smallest and largest eigenvalue of the map's Jacobian; None for the oblique 2-D problem.
        bound: L2-UVP that the ICNN must stay under, in percent; None where it is only reported.
        budget: Of every fit.
    """

    name: str
    dim: int
    spectrum: tuple[float, float] | None
    bound: float | None
    budget: Budget

    def problem(self) -> tuple[Problem, QuadraticValue]:
        """The problem and its Q; the same for every seed."""
        if self.spectrum is None:
            return proximal(VALUE, DEVIATION, TRANSPORT_WEIGHT), VALUE
        return spectral_proximal(self.dim, *self.spectrum, TRANSPORT_WEIGHT, seed=0)


OBLIQUE = Case("oblique", 2, None, 0.05, Budget(1000, learning_rate=1e-2))
CASES = {
    "tiny": (Case("oblique", 2, None, 0.05, Budget(1000, batch_size=128, learning_rate=1e-2)),),
    "small": (OBLIQUE, Case("spectrum-.5-2", 16, (0.5, 2.0), 0.2, Budget(1000, learning_rate=1e-2))),
    "full": (
        Case("oblique", 2, None, 0.05, Budget(3000)),
        Case("spectrum-.5-2", 16, (0.5, 2.0), 0.2, Budget(3000, learning_rate=1e-2)),
        Case("spectrum-.1-10", 16, (0.1, 10.0), 1.0, Budget(4000, learning_rate=1e-2)),
        Case("spectrum-.5-2", 64, (0.5, 2.0), None, Budget(3000, learning_rate=1e-2)),
        Case("spectrum-.1-10", 64, (0.1, 10.0), None, Budget(3000, learning_rate=1e-2)),
    ),
}


def rows(scale: str, seed: int) -> list[Row]:
    """Every case of a scale, every rung of the ladder, and the two maps that must miss."""
    maps = CONTROLLED if scale == "tiny" else MAPS
    return [row for case in CASES[scale] for row in case_rows(case, seed, maps)]


def case_rows(case: Case, seed: int, maps: tuple[str, ...] = MAPS) -> list[Row]:
    """L2-UVP of each map on one problem."""
    problem, value = case.problem()
    found = []
    for name in maps:
        if name == SHIFT_ONLY:
            learned = shift_only(problem, seed)
        else:
            arguments = (problem.source, case.dim, quadratic(value), TRANSPORT_WEIGHT, case.budget, seed, name)
            learned = gradient_map(fit_regularised(*arguments))
        error = l2_uvp(learned, problem, seed)
        identity = ("own_loss", case.name, name, case.dim, 0, seed)
        found.append(Row(*identity, "l2_uvp", error, _bound(case, name), REFEREE, control=name in CONTROLS))
    return found


def _bound(case: Case, name: str) -> str:
    """The ICNN must be exact, the controls must miss; the other rungs are reported."""
    if case.bound is None:
        return ""
    if name in CONTROLS:
        return f"> {CONTROL * case.bound:g}"
    return f"< {case.bound:g}" if name == "icnn" else ""
