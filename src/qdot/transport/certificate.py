"""Study `certificate`: the pairs (a, T(a)) of a convex gradient are an optimal plan, by POT.

It catches bugs and is no evidence for the ICNN: maps without structure may pass too. So the ladder also reports the
asymmetry of its Jacobians, and the pairs and cycles that break monotonicity, on a Q of two hills learned from 64
actions in 8-D, where the rungs differ most.
"""

from collections.abc import Callable

import numpy as np
import torch

from qdot.algorithms.maps import RUNGS
from qdot.transport.controls import quarter_turn
from qdot.transport.exact import paired_cost, w2_squared
from qdot.transport.fitting import Budget, fresh_potential, gradient_map
from qdot.transport.geometry import asymmetry, cycle_violations, jacobians, pair_violations
from qdot.transport.own_loss import DEVIATION, TRANSPORT_WEIGHT, VALUE
from qdot.transport.problems import Array, proximal
from qdot.transport.records import Row
from qdot.transport.regularised import fit_regularised, quadratic, resample
from qdot.transport.wavy import circle_of_hills

STUDY = "certificate"
TOLERANCE = 1e-6  # relative excess of the paired cost over W2^2
PAIRS = 500
REFEREE = "POT emd2 on the same pairs"
HILLS, ALPHA, DIM, SAMPLES = circle_of_hills(2, 0.35, dim=8), 0.4, 8, 64
BUDGETS = {"tiny": Budget(50), "small": Budget(400, learning_rate=1e-2), "full": Budget(2000, learning_rate=3e-3)}


def rows(scale: str, seed: int) -> list[Row]:
    """The certificate at start and after training, what must fail it, and the geometry of the ladder."""
    budget = BUDGETS[scale]
    found = certificate_rows(budget, seed)
    return found if scale == "tiny" else found + ladder_rows(budget, seed)


def excess(points: Array, images: Array) -> float:
    """(mean |T(a) - a|^2 - W2^2) / W2^2: 0 for an optimal plan, 0 where nothing moved."""
    distance = w2_squared(points, images)
    return (paired_cost(points, images) - distance) / max(distance, 1e-12)


def certificate_rows(budget: Budget, seed: int) -> list[Row]:
    """A convex gradient at random weights and after training; a quarter turn."""
    problem = proximal(VALUE, DEVIATION, TRANSPORT_WEIGHT)
    points = problem.source(np.random.default_rng([seed, 1]), PAIRS)
    trained = fit_regularised(problem.source, 2, quadratic(VALUE), TRANSPORT_WEIGHT, budget, seed)
    start = fresh_potential(2, budget, seed)
    with torch.no_grad():  # at its own start the map is the identity, whose certificate would be empty
        start.readout.raw.uniform_(0.0, 0.2, generator=torch.Generator().manual_seed(seed))
    maps: dict[str, tuple[Callable[[Array], Array], str]] = {
        "icnn_at_start": (gradient_map(start), f"< {TOLERANCE:g}"),
        "icnn": (gradient_map(trained), f"< {TOLERANCE:g}"),
        "quarter_turn": (quarter_turn, "> 0.1"),
    }
    return [
        Row(
            *(STUDY, "oblique", name, 2, 0, seed, "certificate_excess", excess(points, fitted(points)), bound, REFEREE),
            control=name == "quarter_turn",
        )
        for name, (fitted, bound) in maps.items()
    ]


def ladder_rows(budget: Budget, seed: int) -> list[Row]:
    """Every rung on the two hills, from few actions, measured on fresh ones."""
    rng = np.random.default_rng([seed, 2])
    actions, fresh = (0.3 * rng.normal(size=(n, DIM)) for n in (SAMPLES, 2000))
    found = []
    for name in RUNGS:
        fitted = gradient_map(fit_regularised(resample(actions), DIM, HILLS, ALPHA, budget, seed, name))
        images = fitted(fresh)
        values = {
            "certificate_excess": excess(fresh[:PAIRS], images[:PAIRS]),
            "jacobian_asymmetry": asymmetry(jacobians(fitted, fresh[:PAIRS])),
            "pair_violations": pair_violations(fresh, images, rng),
            "cycle_violations_3": cycle_violations(fresh, images, rng, length=3),
            "cycle_violations_5": cycle_violations(fresh, images, rng, length=5),
        }
        for metric, value in values.items():
            bound = _bound(name, metric)
            found.append(Row(STUDY, "two-hills", name, DIM, SAMPLES, seed, metric, value, bound, _referee(metric)))
    return found


def _bound(name: str, metric: str) -> str:
    """What a convex gradient promises; a gradient's Jacobian is symmetric up to the error of differences."""
    if name == "icnn":
        return {"certificate_excess": f"< {TOLERANCE:g}", "jacobian_asymmetry": "< 0.01"}.get(metric, "< 1e-9")
    return "< 0.01" if name == "potential" and metric == "jacobian_asymmetry" else ""


def _referee(metric: str) -> str:
    return REFEREE if metric == "certificate_excess" else "definition, central differences and sampled cycles"
