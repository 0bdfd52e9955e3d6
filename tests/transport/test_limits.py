"""Where a convex gradient should lose: the closed form and the search say what there was to gain."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import optimize

from qdot.transport.fitting import Budget
from qdot.transport.limits import ALPHA, CASES, WEIGHTED, HillCase, hill_rows, mean_distance, weighted_rows
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


def test_best_gradient_is_the_best_symmetric_matrix_found_by_search() -> None:
    problem, axes = weighted_problem(3, ALPHA), np.triu_indices(3)
    whitened = np.random.default_rng(3).normal(size=(500, 3))
    whitened -= whitened.mean(axis=0)
    actions = whitened @ np.linalg.inv(np.linalg.cholesky(np.cov(whitened.T, bias=True))).T  # of covariance I exactly

    def loss(values: np.ndarray) -> float:
        matrix = np.zeros((3, 3))
        matrix[axes] = values[:6]
        return -problem.objective(actions @ (matrix + matrix.T) + values[6:], actions)

    best = optimize.minimize(loss, np.zeros(9), tol=1e-12).fun
    found = problem.best_gradient(actions)
    assert -problem.objective(found, actions) == pytest.approx(best, rel=1e-6)
    assert problem.share(found, actions) < 0.99  # it is behind the maximiser, which is no gradient
    jacobian = problem.best_gradient(np.eye(3)) - problem.best_gradient(np.zeros((1, 3)))
    np.testing.assert_allclose(jacobian, jacobian.T, atol=1e-12)


def test_the_convex_gradient_loses_under_a_weighted_cost_and_not_under_the_plain_one() -> None:
    rows = {(row.problem, row.map, row.metric): row for row in weighted_rows(WEIGHTED["small"], seed=0)}
    behind = rows["weighted-cost", "icnn", "share_minus_affine"]
    ceiling = rows["weighted-cost", "best_gradient", "share_of_gain"].value
    assert rows["weighted-cost", "affine", "share_of_gain"].value > 0.99
    assert rows["weighted-cost", "icnn", "share_of_gain"].value < ceiling
    assert rows["plain-cost", "best_gradient", "share_of_gain"].value == pytest.approx(1.0)
    assert rows["plain-cost", "icnn", "share_of_gain"].passed  # it makes its full share
    assert behind.passed  # it loses, as was said before
    unlost = rows["plain-cost", "icnn", "share_minus_affine"].value
    assert replace(behind, value=unlost).passed is False  # where nothing is lost the bound is missed


def test_a_map_that_was_not_trained_misses_the_full_share() -> None:
    rows = {(row.problem, row.map, row.metric): row for row in weighted_rows(WEIGHTED["tiny"], seed=0)}
    assert rows["plain-cost", "icnn", "share_of_gain"].passed is False


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
    rows = hill_rows(case, Budget(30), seed=0)
    shares = {row.map: row.value for row in rows if row.metric == "share_of_gain"}
    assert shares.pop("grid_optimum") == pytest.approx(1.0)
    assert max(shares.values()) < 1.0
    assert len(shares) == 4


@pytest.mark.slow
def test_the_convex_gradient_comes_to_what_a_gradient_can_make_at_full_budget() -> None:
    rows = weighted_rows(WEIGHTED["full"], seed=0)
    judged = [row for row in rows if row.threshold]
    assert len(judged) == 2
    assert all(row.passed for row in judged)
    shares = {row.map: row.value for row in rows if (row.problem, row.metric) == ("weighted-cost", "share_of_gain")}
    assert shares["affine"] > 0.99
    assert shares["icnn"] == pytest.approx(shares["best_gradient"], abs=0.01)
