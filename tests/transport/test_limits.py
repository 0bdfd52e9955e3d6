"""Where a convex gradient should lose: the closed form and the search say what there was to gain."""

import numpy as np
import pytest
import torch
from scipy import optimize

from qdot.transport.fitting import Budget
from qdot.transport.limits import ALPHA, BUDGETS, CASES, HillCase, hill_rows, mean_distance, weighted_rows
from qdot.transport.wavy import Hills, box_grid, circle_of_hills, grid_maximiser
from qdot.transport.weighted import weighted_problem


def test_weighted_maximiser_is_the_one_found_by_search_and_no_gradient() -> None:
    problem = weighted_problem(3, ALPHA)
    action = problem.source(np.random.default_rng(0), 1)
    found = optimize.minimize(lambda t: -problem.objective(t[None], action), action[0], tol=1e-12).x
    np.testing.assert_allclose(problem.maximiser(action)[0], found, atol=1e-4)
    jacobian = problem.maximiser(np.eye(3)) - problem.maximiser(np.zeros((1, 3)))
    assert np.abs(jacobian - jacobian.T).max() > 0.05  # no convex potential has it


def test_weighted_cost_of_tensors_is_the_quadratic_form() -> None:
    problem = weighted_problem(3, ALPHA)
    mapped, actions = np.random.default_rng(1).normal(size=(2, 50, 3))
    expected = np.mean([(t - a) @ problem.metric @ (t - a) for t, a in zip(mapped, actions, strict=True)])
    found = problem.cost(
        torch.tensor(mapped, dtype=torch.float32)[None], torch.tensor(actions, dtype=torch.float32)[None]
    )
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_under_a_weighted_cost_the_convex_gradient_falls_short_of_the_free_map() -> None:
    rows = {(row.map, row.metric): row for row in weighted_rows(Budget(300, learning_rate=1e-2), seed=0)}
    assert rows["affine", "share_of_gain"].value > 0.97
    assert rows["icnn", "share_of_gain"].value < rows["affine", "share_of_gain"].value - 0.03
    assert rows["icnn", "share_minus_affine"].passed  # it loses, as was said before


def test_search_finds_the_proximal_map_of_one_hill() -> None:
    hill, grid = Hills(np.array([[0.4, -0.2]]), width=0.3), box_grid(201)
    actions = np.random.default_rng(2).uniform(-0.8, 0.8, size=(5, 2))
    best = grid_maximiser(hill.values(grid), grid, actions, weight=1.0)
    for action, found in zip(actions, best, strict=True):

        def loss(t: np.ndarray, action: np.ndarray = action) -> float:
            return float(np.square(t - action).sum() - hill.values(t[None])[0])

        starts = np.linspace(action, hill.centres[0], 7)
        values = [optimize.minimize(loss, start, tol=1e-10).fun for start in starts]
        assert loss(found) == pytest.approx(min(values), abs=1e-3)


def test_valleys_are_where_no_hill_is() -> None:
    hills = circle_of_hills(4, 0.1)
    assert hills.in_valleys(hills.centres) == 0.0
    assert hills.in_valleys(np.zeros((3, 2))) == 1.0


def test_mean_distance_is_the_mean_of_norms() -> None:
    mapped = torch.tensor([[[3.0, 4.0], [0.0, 0.0]]])
    assert float(mean_distance(mapped, torch.zeros(1, 2, 2))) == pytest.approx(2.5)


@pytest.mark.parametrize("case", CASES[1:3], ids=lambda case: case.name)
def test_no_map_beats_the_search(case: HillCase) -> None:
    rows = hill_rows(case, Budget(30, learning_rate=1e-2), seed=0)
    shares = {row.map: row.value for row in rows if row.metric == "share_of_gain"}
    assert shares.pop("grid_optimum") == pytest.approx(1.0)
    assert max(shares.values()) < 1.0
    assert len(shares) == 4


@pytest.mark.slow
def test_the_convex_gradient_loses_under_a_weighted_cost_at_full_budget() -> None:
    rows = {(row.map, row.metric): row for row in weighted_rows(BUDGETS["full"], seed=0)}
    assert rows["affine", "share_of_gain"].value > 0.99
    assert rows["icnn", "share_minus_affine"].value < 0.0
