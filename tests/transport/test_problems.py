"""Maps known in closed form, against POT, scipy and brute force."""

import numpy as np
import ot
import pytest
from scipy import optimize, stats

from qdot.transport.controls import quarter_turn, shift_only
from qdot.transport.own_loss import DEVIATION, TRANSPORT_WEIGHT, VALUE
from qdot.transport.problems import Problem, QuadraticValue, gaussian_map, gaussians, l2_uvp, proximal, rearrangement
from qdot.transport.spectral import convex_pushforward, spectral_gaussians, spectral_proximal


def test_map_between_gaussians_is_pots() -> None:
    rng = np.random.default_rng(0)
    roots = rng.normal(size=(2, 3, 3))
    means, covariances = rng.normal(size=(2, 3)), roots @ roots.transpose(0, 2, 1)
    expected = ot.gaussian.bures_wasserstein_mapping(means[0], means[1], covariances[0], covariances[1])
    matrix, shift = gaussian_map(means[0], covariances[0], means[1], covariances[1])
    np.testing.assert_allclose(matrix, expected[0], atol=1e-8)
    np.testing.assert_allclose(shift, np.ravel(expected[1]), atol=1e-8)


def test_rearrangement_is_the_exact_plan_of_sorted_samples() -> None:
    problem = rearrangement()
    rng = np.random.default_rng(0)
    source, target = problem.source(rng, 4000), problem.target(rng, 4000)
    plan = ot.emd_1d(source[:, 0], target[:, 0])
    partners = target[np.argmax(plan, axis=1)]
    error = np.square(problem.exact_map(source) - partners).mean() / problem.target_variance
    assert error < 5e-3  # the plan of 4000 samples is itself that noisy


def test_proximal_map_is_the_maximiser_found_by_search() -> None:
    value = QuadraticValue(np.array([[2.0, 0.5], [0.5, -0.4]]), np.array([0.2, -0.3]))
    action = np.array([0.4, 0.1])

    def loss(t: np.ndarray) -> float:
        offset = t - value.peak
        return float(3.0 * 0.5 * offset @ value.curvature @ offset + 0.9 * np.square(t - action).sum())

    found = optimize.minimize(loss, np.zeros(2), tol=1e-12).x
    np.testing.assert_allclose(value.proximal(action[None], q_weight=3.0, transport_weight=0.9)[0], found, atol=1e-5)


def test_proximal_map_refuses_a_value_it_cannot_bound() -> None:
    with pytest.raises(ValueError, match="transport_weight: too small"):
        QuadraticValue(-np.eye(2), np.zeros(2)).proximal(np.zeros((1, 2)), q_weight=1.0, transport_weight=0.4)


KNOWN = [
    gaussians(),
    rearrangement(),
    proximal(VALUE, DEVIATION, TRANSPORT_WEIGHT),
    spectral_proximal(4, 0.5, 2.0, 1.0, seed=0)[0],
    spectral_gaussians(3, 0.5, 2.0, seed=0),
    convex_pushforward(4, seed=0),
]


@pytest.mark.parametrize("problem", KNOWN, ids=lambda problem: f"{problem.name}-{problem.dim}d")
def test_exact_map_carries_source_to_target_and_variance_is_the_samples(problem: Problem) -> None:
    rng = np.random.default_rng(1)
    image, target = problem.exact_map(problem.source(rng, 100_000)), problem.target(rng, 100_000)
    np.testing.assert_allclose(image.mean(0), target.mean(0), atol=0.02)
    np.testing.assert_allclose(np.cov(image.T), np.cov(target.T), atol=0.03)
    assert np.trace(np.atleast_2d(np.cov(target.T))) == pytest.approx(problem.target_variance, rel=0.02)


def test_error_is_zero_for_the_exact_map_and_hundred_for_a_constant_one() -> None:
    problem = gaussians()
    mean = problem.target(np.random.default_rng(3), 200_000).mean(0)
    assert l2_uvp(problem.exact_map, problem, seed=0) == 0.0
    assert l2_uvp(lambda points: np.broadcast_to(mean, points.shape), problem, seed=0) == pytest.approx(100.0, rel=0.03)


def test_shift_only_moves_the_mean_and_nothing_else() -> None:
    problem = gaussians()
    points = problem.source(np.random.default_rng(2), 50_000)
    moved = shift_only(problem, seed=0)(points)
    np.testing.assert_allclose(moved.mean(0), problem.exact_map(points).mean(0), atol=0.05)
    np.testing.assert_allclose(np.cov(moved.T), np.cov(points.T), atol=1e-9)


def test_pushforward_by_a_convex_potential_is_pots_own_pairing() -> None:
    problem = convex_pushforward(4, seed=0)
    points = problem.source(np.random.default_rng(0), 400)
    images = problem.exact_map(points)
    optimal = ot.emd2([], [], ot.dist(points, images))
    assert np.square(points - images).sum(axis=1).mean() == pytest.approx(optimal, rel=1e-9)


def test_pushforward_by_a_convex_potential_is_no_gaussian() -> None:
    problem = convex_pushforward(4, seed=0)
    images = problem.target(np.random.default_rng(0), 5000)
    assert min(stats.normaltest(images, axis=0).pvalue) < 1e-10


def test_quarter_turn_keeps_a_gaussian_and_its_pairs_are_not_optimal() -> None:
    points = np.random.default_rng(0).normal(size=(400, 2))
    turned = quarter_turn(points)
    np.testing.assert_allclose(turned.mean(axis=0), points.mean(axis=0), atol=1e-12)
    assert np.square(points - turned).sum(axis=1).mean() > 2.0 * ot.emd2([], [], ot.dist(points, turned))
