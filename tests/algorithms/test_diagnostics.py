"""Diagnostics against closed forms: Gaussians, linear maps, rotations."""

import math

import ot
import pytest
import torch
from torch import Tensor

from qdot.algorithms import diagnostics

STATES = torch.zeros(1, 40000, 1)
SCALE, SHIFT, SPREAD = torch.tensor([0.5, 2.0]), torch.tensor([0.3, -0.1]), torch.tensor([0.4, 0.2])


def draw(seed: int = 0) -> Tensor:
    """Actions of N(0, diag(SPREAD^2))."""
    return SPREAD * torch.randn(1, STATES.shape[1], 2, generator=torch.Generator().manual_seed(seed))


def log_density(states: Tensor, actions: Tensor) -> Tensor:
    normal = torch.distributions.Normal(torch.zeros(2), SPREAD)
    return normal.log_prob(actions).sum(dim=-1)


def affine(states: Tensor, actions: Tensor) -> Tensor:
    return SCALE * actions + SHIFT


def rotation(states: Tensor, actions: Tensor) -> Tensor:
    return torch.stack([-actions[..., 1], actions[..., 0]], dim=-1)


def test_the_divergence_of_a_pushed_gaussian_is_that_of_two_gaussians() -> None:
    actions = draw()
    moved, jacobian = diagnostics.jacobians(affine, STATES, actions)
    torch.testing.assert_close(jacobian[0, 0], torch.diag(SCALE))
    found = diagnostics.pushed_divergence(log_density, moved, jacobian, STATES, actions)
    # KL(N(m, s1^2) || N(0, s0^2)) = log(s0 / s1) + (s1^2 + m^2) / (2 s0^2) - 1/2 in each coordinate
    exact = sum(
        math.log(1 / k) + (k**2 * s**2 + m**2) / (2 * s**2) - 0.5
        for k, m, s in zip(SCALE.tolist(), SHIFT.tolist(), SPREAD.tolist(), strict=True)
    )
    assert found.item() == pytest.approx(exact, rel=0.03)


def test_a_gradient_is_symmetric_and_monotone_and_a_rotation_is_neither() -> None:
    first, second = draw(0), draw(1)
    for move, skew, share in ((affine, 0.0, 0.0), (rotation, math.sqrt(2), None)):
        _, jacobian = diagnostics.jacobians(move, STATES, first)
        assert diagnostics.asymmetry(jacobian).item() == pytest.approx(skew, abs=1e-6)
        if share is not None:
            assert diagnostics.monotone_violations(move, STATES, first, second).item() == share
    # a rotation by 90 degrees leaves every inner product at 0; a reflection turns every one of them round
    assert diagnostics.monotone_violations(lambda s, a: -a, STATES, first, second).item() == 1.0


def test_the_distance_of_a_dirac_is_what_exact_transport_says() -> None:
    actions = draw()
    executed = torch.tensor([0.2, 0.1]).expand_as(actions)
    found = diagnostics.distance_to_behaviour(
        executed, torch.zeros(2).expand_as(actions), SPREAD.square().expand_as(actions)
    )
    exact = ot.emd2([], [1.0], ot.dist(actions[0].double().numpy(), executed[0, :1].double().numpy()))
    assert found.item() == pytest.approx(exact, rel=0.03)


def test_distances_in_units_of_the_behaviour() -> None:
    actions, zero, variance = draw(), torch.zeros(1, STATES.shape[1], 2), SPREAD.square().expand(1, STATES.shape[1], 2)
    assert diagnostics.standard_distance(actions, zero, variance).item() == pytest.approx(1.0, abs=0.03)
    assert diagnostics.standard_distance(3 * SPREAD + zero, zero, variance).item() == pytest.approx(3.0)
    shift = torch.tensor([0.3, 0.4])
    ratio = diagnostics.displacement_over_sd(actions + shift, actions, variance)
    assert ratio.item() == pytest.approx(0.5 / math.sqrt(0.2), rel=1e-4)
