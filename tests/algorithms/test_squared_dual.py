"""The smoothed dual of the squared 2-distance, against POT's smooth solver and a shift whose distance is known."""

import numpy as np
import ot
import torch
from torch import Tensor

from qdot.algorithms.optimiser import Adam
from qdot.algorithms.squared_dual import SquaredDual


def fitted(subject: SquaredDual, states: Tensor, sources: Tensor, images: Tensor, steps: int) -> SquaredDual:
    optimiser = Adam([subject], 1e-2)
    for step in range(steps):
        optimiser.minimise({"loss": -subject.dual(states, sources, images)}, 1 - step / steps)
    return subject


def dual(epsilon: float) -> SquaredDual:
    return SquaredDual([torch.Generator().manual_seed(0)], 1, 1, (32, 32), epsilon)


def test_its_maximum_is_the_smoothed_distance_of_pot() -> None:
    """All pairs of 8 atoms; POT's quadratic term counts masses, ours densities: reg = epsilon n^2."""
    x, t = np.linspace(-0.8, 0.2, 8), np.linspace(0.0, 0.9, 8) ** 2
    uniform, epsilon = np.full(8, 1 / 8), 0.1
    cost = (x[:, None] - t) ** 2
    plan = ot.smooth.smooth_ot_dual(uniform, uniform, cost, reg=epsilon * 64, reg_type="l2")
    expected = (plan * cost).sum() + 0.5 * epsilon * 64 * (plan**2).sum()
    pairs = [torch.from_numpy(array).float().reshape(1, 64, 1) for array in np.meshgrid(x, t, indexing="ij")]
    states = torch.ones(1, 64, 1)
    found = fitted(dual(epsilon), states, *pairs, steps=600).dual(states, *pairs).item()
    assert abs(found / expected - 1) < 0.02
    assert found > ot.emd2(uniform, uniform, cost)


def test_descent_in_the_image_is_that_of_w2_squared_for_a_shift_that_depends_on_the_state() -> None:
    """t ~ beta + s in state s: W2^2 = s^2, and its derivative in each t, averaged over the state's law, is 2 s."""
    generator = torch.Generator().manual_seed(1)
    states = torch.randint(0, 2, (1, 1024, 1), generator=generator) * 1.0 - 0.5
    sources, images = (0.3 * torch.randn(1, 1024, 1, generator=generator) for _ in range(2))
    images = (images + states).requires_grad_()
    subject = fitted(dual(0.02), states, sources, images.detach(), steps=300)
    (slope,) = torch.autograd.grad(subject.dual(states, sources, images).sum(), images)
    for state in (-0.5, 0.5):
        mean = (1024 * slope)[states == state].mean().item()
        assert abs(mean - 2 * state) < 0.1


def test_only_the_own_seed_is_reached() -> None:
    subject = SquaredDual([torch.Generator().manual_seed(seed) for seed in (0, 1)], 2, 3, (32,), 0.02)
    sources = torch.randn(2, 32, 3, requires_grad=True)
    value = subject.dual(torch.randn(2, 32, 2), sources, torch.randn(2, 32, 3))
    (slope,) = torch.autograd.grad(value[0], sources)
    assert slope[0].abs().sum() > 0
    assert (slope[1] == 0).all()
