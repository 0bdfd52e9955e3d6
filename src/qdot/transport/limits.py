"""Study `limits`: where a gradient of a convex potential should lose, or may.

Pre-registered. Should lose: a weighted cost |t - a|_M^2 with M no multiple of I, whose optimal map is affine with an
asymmetric Jacobian. May lose: many hills, the unsquared distance, a tanh on top. Referees: a closed form, and a search
over a grid of the box.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from qdot.algorithms.maps import RUNGS
from qdot.algorithms.transport_loss import ACTION_BOUND, clip_to_box, transport_cost
from qdot.transport.certificate import excess
from qdot.transport.fitting import Budget, gradient_map
from qdot.transport.problems import Array
from qdot.transport.records import Row
from qdot.transport.regularised import Cost, fit_regularised
from qdot.transport.wavy import Hills, box_grid, circle_of_hills, grid_maximiser
from qdot.transport.weighted import weighted_problem

STUDY = "limits"
ALPHA = 0.5
SIZE = 500  # fresh actions that a map is measured on
GRID_REFEREE = "argmax over a grid of 401 x 401 points"
BUDGETS = {
    "tiny": Budget(20),
    "small": Budget(300, learning_rate=1e-2),
    "full": Budget(2000, learning_rate=3e-3),
}


@dataclass(frozen=True)
class HillCase:
    """One Q of hills in the plane, with one way to pay for moving.

    Attributes:
        name: In the table.
        hills: Q.
        power: 2 for the squared distance, 1 for the distance.
        squashed: Whether a tanh follows the map.
    """

    name: str
    hills: Hills
    power: int = 2
    squashed: bool = False

    @property
    def cost(self) -> Cost:
        """The mean cost as the loss sees it."""
        measure = transport_cost if self.power == 2 else mean_distance
        return (lambda mapped, actions: measure(torch.tanh(mapped), actions)) if self.squashed else measure

    @property
    def executed(self) -> Callable[[Tensor], Tensor]:
        """The map as Q sees it."""
        return torch.tanh if self.squashed else clip_to_box

    def act(self, mapped: Array) -> Array:
        """The same for numpy."""
        return np.tanh(mapped) if self.squashed else np.clip(mapped, -ACTION_BOUND, ACTION_BOUND)

    @cached_property
    def fresh(self) -> tuple[Array, Array]:
        """Actions to measure on, and the global maximiser of each."""
        actions, grid = source(np.random.default_rng(11), SIZE), box_grid()
        return actions, grid_maximiser(self.hills.values(grid), grid, actions, ALPHA, self.power)

    def objective(self, points: Array, actions: Array) -> float:
        """E[Q(t) - alpha |t - a|^power]."""
        distance = np.linalg.norm(points - actions, axis=1)
        return float((self.hills.values(points) - ALPHA * distance**self.power).mean())


def mean_distance(mapped: Tensor, actions: Tensor) -> Tensor:
    """E|T(a) - a| per seed: in more than one dimension an upper bound of W1, whatever the map."""
    return torch.linalg.vector_norm(mapped - actions, dim=-1).mean(-1)


def source(rng: np.random.Generator, n: int) -> Array:
    """Actions spread over the plane, inside the box."""
    return np.clip(0.35 * rng.normal(size=(n, 2)), -ACTION_BOUND, ACTION_BOUND)


CASES = (
    HillCase("hills-4", circle_of_hills(4, 0.2)),
    HillCase("hills-16", circle_of_hills(16, 0.07)),
    HillCase("hills-4-distance", circle_of_hills(4, 0.2), power=1),
    HillCase("hills-4-tanh", circle_of_hills(4, 0.2), squashed=True),
)


def rows(scale: str, seed: int) -> list[Row]:
    """The weighted cost, then every case of hills (at small scale the one of many hills)."""
    budget = BUDGETS[scale]
    cases = {"tiny": (), "small": CASES[1:2], "full": CASES}[scale]
    return weighted_rows(budget, seed) + [row for case in cases for row in hill_rows(case, budget, seed)]


def weighted_rows(budget: Budget, seed: int, dim: int = 8) -> list[Row]:
    """Share of the possible gain under |t - a|_M^2; the ICNN must fall short of the free affine rung."""
    problem = weighted_problem(dim, ALPHA)
    actions = problem.source(np.random.default_rng([seed, 11]), 4000)
    shares = {}
    for name in RUNGS:
        arguments = (problem.source, dim, problem.q_values, ALPHA, budget, seed, name, problem.cost)
        shares[name] = problem.share(gradient_map(fit_regularised(*arguments))(actions), actions)
    referee, problem_name = "maximiser in closed form", "weighted-cost"
    found = [
        Row(STUDY, problem_name, name, dim, 0, seed, "share_of_gain", value, referee=referee)
        for name, value in shares.items()
    ]
    behind = shares["icnn"] - shares["affine"]
    return [*found, Row(STUDY, problem_name, "icnn", dim, 0, seed, "share_minus_affine", behind, "< 0", referee)]


def hill_rows(case: HillCase, budget: Budget, seed: int) -> list[Row]:
    """Share of the possible gain, mass in the valleys, excess of the certificate, for every rung and the optimum."""
    actions, best = case.fresh
    stay, top = case.objective(actions, actions), case.objective(best, actions)
    images = {"grid_optimum": best}
    for name in RUNGS:
        arguments = (source, 2, case.hills, ALPHA, budget, seed, name, case.cost, case.executed)
        images[name] = case.act(gradient_map(fit_regularised(*arguments))(actions))
    found = []
    for name, points in images.items():
        values = {
            "share_of_gain": (case.objective(points, actions) - stay) / (top - stay),
            "valley_share": case.hills.in_valleys(points),
            "certificate_excess": excess(actions, points),
        }
        found += [
            Row(STUDY, case.name, name, 2, 0, seed, metric, value, referee=GRID_REFEREE)
            for metric, value in values.items()
        ]
    return found
