"""The dual form of W1: its loss by autograd, its estimate against exact distances."""

import math

import numpy as np
import ot
import pytest
import torch
from scipy.stats import norm, wasserstein_distance
from torch import Tensor

from qdot.algorithms.base import Batch
from qdot.algorithms.discriminator import Discriminator
from qdot.algorithms.optimiser import Adam
from qdot.training.streams import init_generators

WEIGHT = 5.0


def discriminator(observation_dim: int, action_dim: int, seeds: int = 1) -> Discriminator:
    generators = init_generators(list(range(seeds)))("discriminator")
    return Discriminator(generators, observation_dim, action_dim, [32, 32], WEIGHT)


@pytest.mark.parametrize("widths", [(3, 2), (5, 17)])
def test_the_gradient_and_its_derivative_in_the_weights_equal_autograd(widths: tuple[int, int]) -> None:
    g = discriminator(*widths, seeds=2)
    states, actions = torch.randn(2, 64, widths[0]), torch.randn(2, 64, widths[1]).requires_grad_()
    (slope,) = torch.autograd.grad(g(states, actions).sum(), actions, create_graph=True)
    torch.testing.assert_close(g.gradient(states, actions), slope)
    weights = [layer.weight for layer in g.network.hidden] + [g.network.output.weight]
    ours = torch.autograd.grad(g.gradient(states, actions).square().sum(), weights)
    torch.testing.assert_close(ours, torch.autograd.grad(slope.square().sum(), weights))


def test_the_loss_is_the_penalised_dual() -> None:
    g, turn = discriminator(3, 2, seeds=2), 4
    with torch.no_grad():
        g.network.output.weight *= 3  # so that some norms lie above 1
    states, actions, policy = torch.randn(2, 64, 3), torch.randn(2, 64, 2), torch.randn(2, 64, 2)
    share = g.mix.uniform(64, 1, turn)
    between = (actions * (1 - share) + policy * share).requires_grad_()
    (slope,) = torch.autograd.grad(g(states, between).sum(), between, create_graph=True)
    length = slope.norm(dim=-1)
    assert 0.1 < (length > 1).float().mean() < 1
    gap = g(states, actions).mean(-1) - g(states, policy).mean(-1)
    penalty = torch.relu(length - 1).square().mean(-1)
    loss, info = g.loss(states, actions, policy, turn)
    torch.testing.assert_close(loss, WEIGHT * penalty - gap)
    torch.testing.assert_close(info["w1_estimate"], gap.detach())
    torch.testing.assert_close(info["discriminator_gradient"], length.mean(-1).detach())
    weights = [layer.weight for layer in g.network.hidden]
    ours, plain = (torch.autograd.grad(x.sum(), weights) for x in (loss, WEIGHT * penalty - gap))
    torch.testing.assert_close(ours, plain)


def test_a_flat_discriminator_has_finite_gradients() -> None:
    g = discriminator(3, 2)
    with torch.no_grad():
        g.network.output.weight.zero_()
    loss, _ = g.loss(torch.randn(1, 32, 3), torch.randn(1, 32, 2), torch.randn(1, 32, 2), 0)
    for gradient in torch.autograd.grad(loss.sum(), [layer.weight for layer in g.network.hidden]):
        assert gradient.isfinite().all()


def estimate(data: Tensor, policy: Tensor, states: Tensor) -> tuple[float, float]:
    """The trained dual on all rows (n, .), and its mean slope there."""
    g, zero = discriminator(states.shape[1], data.shape[1]), torch.zeros(1, 256)
    optimiser = Adam([g], 2e-3)
    generator = torch.Generator().manual_seed(0)
    for step in range(1200):
        rows = torch.randint(len(data), (256,), generator=generator)
        other = torch.randint(len(data), (256,), generator=generator) if states.shape[1] == 0 else rows
        s = states[rows].unsqueeze(0)
        batch = Batch(s, data[rows].unsqueeze(0), zero, s, zero, zero)
        moved = policy[other].unsqueeze(0)
        info = g.fit(optimiser, batch, lambda turn, moved=moved: moved, range(step, step + 1))
    assert set(info) == {"discriminator_loss", "w1_estimate", "discriminator_gradient"}
    with torch.no_grad():
        gap = g.dual(states.unsqueeze(0), data.unsqueeze(0), policy.unsqueeze(0))
        slope = g.gradient(states.unsqueeze(0), data.unsqueeze(0)).norm(dim=-1).mean()
    return gap.item(), slope.item()


def test_a_shift_is_measured_with_the_overshoot_of_the_penalty() -> None:
    """max over n of n d - w (n - 1)^2 is at n = 1 + d / (2 w)."""
    draw, distance = torch.Generator().manual_seed(1), 0.5
    data = 0.3 * torch.randn(4096, 2, generator=draw)
    moved = data + distance * torch.tensor([0.6, -0.8])
    found, slope = estimate(data, moved, torch.zeros(4096, 0))
    assert found == pytest.approx(distance * (1 + distance / (2 * WEIGHT)), rel=0.03)
    assert slope == pytest.approx(1 + distance / (2 * WEIGHT), rel=0.05)


@pytest.mark.parametrize("action_dim", [1, 2])
def test_the_dual_of_two_gaussians_is_close_to_the_exact_distance(action_dim: int) -> None:
    draw = torch.Generator().manual_seed(2)
    data, policy = (torch.randn(2000, action_dim, generator=draw) for _ in range(2))
    data, policy = 0.2 * data, 0.4 * policy + 0.25
    if action_dim == 1:
        exact = wasserstein_distance(data[:, 0].numpy(), policy[:, 0].numpy())
        quantiles = norm.ppf((np.arange(20000) + 0.5) / 20000)
        assert exact == pytest.approx(np.abs(0.2 * quantiles + 0.25).mean(), rel=0.05)  # the law's, not the sample's
    else:
        exact = ot.emd2([], [], ot.dist(data.numpy(), policy.numpy(), metric="euclidean"), numItermax=1_000_000)
    found, _ = estimate(data, policy, torch.zeros(2000, 0))
    assert found == pytest.approx(exact, rel=0.06)


def test_the_distance_is_taken_state_by_state() -> None:
    """Two states whose actions move apart: the laws over both states agree, those in each state do not."""
    draw = torch.Generator().manual_seed(3)
    side = torch.randint(2, (4096, 1), generator=draw) * 2.0 - 1
    data = 0.3 * side + 0.05 * torch.randn(4096, 1, generator=draw)
    found, _ = estimate(data, data - 0.6 * side, side)
    assert math.isclose(found, 0.6 * (1 + 0.6 / (2 * WEIGHT)), rel_tol=0.05)
