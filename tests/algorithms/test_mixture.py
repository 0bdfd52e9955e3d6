"""The mixture behaviour model against scipy's densities and the frequencies of its own samples."""

import numpy as np
import pytest
import torch
from scipy import stats

from qdot.algorithms.behaviour import LOG_STD_RANGE
from qdot.algorithms.mixture import MixturePolicy

WEIGHTS = np.array([0.5, 0.2, 0.3])
CENTRES = np.array([[-0.5, 0.1], [0.4, 0.6], [0.0, -0.7]])
SPREADS = np.array([[0.05, 0.2], [0.1, 0.1], [0.02, 0.04]])


@pytest.fixture
def subject() -> MixturePolicy:
    """The same known mixture in every state, of both members."""
    found = MixturePolicy([torch.Generator().manual_seed(seed) for seed in (0, 1)], 3, 2, (32,), 0.0, components=3)
    low, high = LOG_STD_RANGE
    spreads = np.arctanh((np.log(SPREADS) - low) / (0.5 * (high - low)) - 1)
    outputs = np.concatenate([np.log(WEIGHTS) + 0.3, np.arctanh(CENTRES).ravel(), spreads.ravel()])
    with torch.no_grad():
        found.network.output.weight.zero_()
        found.network.output.bias[:] = torch.from_numpy(outputs).float()
    return found


def test_likelihood_is_scipys(subject: MixturePolicy) -> None:
    actions = np.random.default_rng(0).uniform(-1, 1, (2, 50, 2))
    density = sum(
        weight * stats.norm.pdf(actions, centre, spread).prod(axis=-1)
        for weight, centre, spread in zip(WEIGHTS, CENTRES, SPREADS, strict=True)
    )
    found = subject.log_likelihood(torch.randn(2, 50, 3), torch.from_numpy(actions).float()).detach()
    np.testing.assert_allclose(found.numpy(), np.log(density), rtol=2e-4)


def test_samples_come_from_the_components_as_often_as_their_weights(subject: MixturePolicy) -> None:
    noise = torch.randn(2, 4, 5000, subject.noise_width, generator=torch.Generator().manual_seed(1))
    draws = subject.sample(torch.randn(2, 4, 3), noise).detach().double().numpy().reshape(-1, 2)
    nearest = np.abs((draws[:, None] - CENTRES) / SPREADS).max(axis=-1).argmin(axis=-1)
    counts = np.bincount(nearest, minlength=3)
    assert stats.chisquare(counts, WEIGHTS * len(draws)).pvalue > 1e-3
    for component in range(3):
        own = draws[nearest == component]
        np.testing.assert_allclose(own.mean(axis=0), CENTRES[component], atol=0.01)
        np.testing.assert_allclose(own.std(axis=0), SPREADS[component], rtol=0.05)


def test_moments_are_those_of_the_whole_mixture(subject: MixturePolicy) -> None:
    mean, variance = (moment.detach().numpy() for moment in subject.moments(torch.randn(2, 4, 3)))
    expected = WEIGHTS @ CENTRES
    np.testing.assert_allclose(mean, np.broadcast_to(expected, (2, 4, 2)), rtol=1e-4)
    spread = WEIGHTS @ (SPREADS**2 + CENTRES**2) - expected**2
    np.testing.assert_allclose(variance, np.broadcast_to(spread, (2, 4, 2)), rtol=1e-4)


def test_the_mean_that_acts_is_the_heaviest_components(subject: MixturePolicy) -> None:
    np.testing.assert_allclose(
        subject.mean(torch.randn(2, 4, 3)).detach().numpy(), np.broadcast_to(CENTRES[0], (2, 4, 2)), rtol=1e-4
    )


def test_samples_stay_in_the_box(subject: MixturePolicy) -> None:
    draws = subject.sample(torch.randn(2, 1, 3), 50 * torch.ones(2, 1, 1, 3))
    assert (draws == 1).all()
