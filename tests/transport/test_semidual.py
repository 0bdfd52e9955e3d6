"""The semi-dual finds optimal maps from unpaired samples."""

import numpy as np
import ot
import pytest
import torch

from qdot.transport.controls import shift_only
from qdot.transport.fitting import Budget, fresh_potential, gradient_map, stateless
from qdot.transport.problems import gaussians, l2_uvp, rearrangement
from qdot.transport.semidual import conjugate_points, fit_semidual


def test_conjugate_points_are_mapped_to_their_targets() -> None:
    potential = fresh_potential(2, Budget(iterations=0), seed=0)
    with torch.no_grad():
        potential.readout.raw.uniform_(0.0, 0.2, generator=torch.Generator().manual_seed(0))
    states, targets = stateless(3.0 * np.random.default_rng(0).normal(size=(512, 2)))
    points, solved = conjugate_points(potential, targets, torch.zeros_like(targets))
    error = torch.linalg.vector_norm(potential.gradient(states, points) - targets, dim=-1)
    assert solved.float().mean() > 0.99
    assert (error[solved] <= 1e-3 * (1.0 + torch.linalg.vector_norm(targets, dim=-1)[solved])).all()


def test_few_iterations_come_near_the_map_between_gaussians() -> None:
    problem = gaussians()
    learned = gradient_map(fit_semidual(problem, Budget(250, learning_rate=2e-2), seed=0))
    assert l2_uvp(learned, problem, seed=0) < 0.5
    assert l2_uvp(shift_only(problem, seed=0), problem, seed=0) > 2.0


def test_few_iterations_come_near_the_monotone_rearrangement() -> None:
    problem = rearrangement()
    learned = gradient_map(fit_semidual(problem, Budget(300, learning_rate=2e-2), seed=0))
    assert l2_uvp(learned, problem, seed=0) < 2.0
    assert l2_uvp(shift_only(problem, seed=0), problem, seed=0) > 5.0


@pytest.mark.slow
def test_image_of_the_learned_map_is_as_near_the_target_sample_as_that_of_the_exact_map() -> None:
    problem = gaussians()
    learned = gradient_map(fit_semidual(problem, Budget(iterations=500, learning_rate=1e-2), seed=0))
    rng = np.random.default_rng(0)
    source, target = problem.source(rng, 2000), problem.target(rng, 2000)
    maps = (learned, problem.exact_map, shift_only(problem, seed=0))
    learned_cost, exact_cost, shift_cost = (ot.emd2([], [], ot.dist(image(source), target)) for image in maps)
    assert abs(learned_cost - exact_cost) < 0.005 * problem.target_variance  # the bar of the map's own error
    assert shift_cost > 3.0 * exact_cost
