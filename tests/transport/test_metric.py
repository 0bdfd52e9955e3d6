"""Distances obey the triangle inequality, their square does not; densities, energy and the inverse judge the mass."""

import numpy as np
import pytest
import torch
from scipy import stats

from qdot.transport.controls import quarter_turn, shift_only
from qdot.transport.exact import w2_squared
from qdot.transport.mass import energy_distance, energy_ratio, inverse_errors, log_density_error
from qdot.transport.metric import (
    BUDGETS,
    DIRACS,
    INVERSE_BOUND,
    floor_potential,
    floor_rows,
    learned_rows,
    triangle_excess,
    triangle_rows,
)
from qdot.transport.problems import gaussian_pair, gaussians


def test_distances_obey_the_triangle_inequality_and_the_square_breaks_it_on_diracs() -> None:
    rows = {row.map: row for row in triangle_rows(seed=0, triples=30)}
    assert set(rows) == {"w2", "w1", "root_mean_w2_squared", "w2_squared"}
    assert all(rows[name].value < 1e-9 for name in ("w2", "w1", "root_mean_w2_squared"))
    assert rows["w2_squared"].value == pytest.approx(2.0)  # 4 - 1 - 1


def test_root_of_the_square_is_tight_on_diracs() -> None:
    def w2(p: np.ndarray, q: np.ndarray) -> float:
        return float(np.sqrt(w2_squared(p[0], q[0])))

    assert triangle_excess(w2, *DIRACS[:, None]) == pytest.approx(0.0, abs=1e-12)


def test_exact_map_keeps_the_density_and_other_maps_do_not() -> None:
    problem, pair = gaussians(), gaussian_pair()
    points = problem.source(np.random.default_rng(0), 500)
    assert log_density_error(problem.exact_map, points, *pair) < 1e-6
    assert log_density_error(shift_only(problem, 0), points, *pair) > 0.1
    assert log_density_error(lambda x: -x[:, ::-1] * np.array([1.0, -1.0]), points, *pair) > 0.1
    assert log_density_error(lambda x: x * np.array([1.0, -1.0]), points, *pair) == float("inf")  # a reflection folds


def test_energy_distance_is_scipys_in_one_dimension() -> None:
    first, second = np.random.default_rng(1).normal(size=(2, 300))
    expected = stats.energy_distance(first, second + 0.5) ** 2
    assert energy_distance(first[:, None], second[:, None] + 0.5) == pytest.approx(expected, rel=1e-9)


def test_energy_ratio_is_near_one_for_the_exact_map_and_large_for_a_shift() -> None:
    problem, rng = gaussians(), np.random.default_rng(2)
    points, target = problem.source(rng, 1000), problem.target(rng, 2000)
    assert energy_ratio(problem.exact_map(points), target, rng) < 2.0
    assert energy_ratio(shift_only(problem, 0)(points), target, rng) > 2.0
    assert energy_ratio(quarter_turn(problem.exact_map(points)), target, rng) > 2.0


def test_a_map_at_the_floor_of_its_curvature_is_inverted() -> None:
    rows = {row.metric: row for row in floor_rows(seed=0)}
    assert rows["inverted_share"].value == 1.0
    assert rows["inverse_error"].value < 1e-5
    assert all(row.passed for row in rows.values())


def test_inverse_error_is_measured_in_the_points_not_in_their_images() -> None:
    points = np.random.default_rng(3).normal(size=(500, 2))
    solved, error = inverse_errors(floor_potential(1), points, tolerance=1e-3)
    assert solved == 1.0  # every image is met to 1e-3,
    assert error > 10 * INVERSE_BOUND  # and no bound on x follows from it


def test_an_inverse_that_is_none_breaks_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    def images(potential: object, targets: torch.Tensor, *_: object) -> tuple[torch.Tensor, torch.Tensor]:
        return targets, torch.ones_like(targets[..., 0], dtype=torch.bool)  # T(x) itself, sold as solved

    monkeypatch.setattr("qdot.transport.mass.conjugate_points", images)
    rows = {row.metric: row for row in floor_rows(seed=0)}
    assert rows["inverted_share"].passed
    assert rows["inverse_error"].passed is False


def test_a_fold_has_no_inverse() -> None:
    folded, points = floor_potential(0), np.random.default_rng(4).normal(size=(500, 2))
    folded.min_quadratic = -0.5  # the potential is convex no more: points share an image
    solved, error = inverse_errors(folded, points)
    assert solved < 0.99 or error > INVERSE_BOUND


@pytest.mark.slow
def test_learned_map_is_symmetric_still_on_one_law_and_carries_mass() -> None:
    rows = learned_rows(BUDGETS["full"], seed=0)
    judged = [row for row in rows if row.threshold]
    assert len(judged) == 8
    assert {row.map for row in judged if row.control} == {"shift_only"}
    assert all(row.passed for row in judged)
