"""The Gaussian policy against torch.distributions."""

import torch

from qdot.algorithms.behaviour import GaussianPolicy


def policy() -> GaussianPolicy:
    subject = GaussianPolicy([torch.Generator().manual_seed(seed) for seed in (0, 1)], 3, 2, [32], 0.0)
    with torch.no_grad():
        subject.log_std.copy_(torch.tensor([[[0.3, -9.0]], [[-1.0, 5.0]]]))
    return subject


def test_the_likelihood_is_that_of_a_gaussian_with_tanh_mean() -> None:
    subject, observations, actions = policy(), torch.randn(2, 64, 3), torch.rand(2, 64, 2)
    std = torch.tensor([[[0.3, -5.0]], [[-1.0, 2.0]]]).exp()  # log-std is held in [-5, 2]
    mean = torch.tanh(subject.network(observations))
    expected = torch.distributions.Normal(mean, std).log_prob(actions).sum(dim=-1)
    torch.testing.assert_close(subject.log_likelihood(observations, actions, 0), expected, rtol=1e-4, atol=1e-3)


def test_samples_are_the_mean_plus_scaled_noise_in_the_box() -> None:
    subject, observations, noise = policy(), torch.randn(2, 5, 3), torch.randn(2, 5, 7, 2)
    samples = subject.sample(observations, noise)
    assert samples.shape == (2, 5, 7, 2)
    assert samples.abs().max() <= 1
    expected = subject.mean(observations)[0, 4] + torch.tensor([0.3, -5.0]).exp() * noise[0, 4, 6]
    torch.testing.assert_close(samples[0, 4, 6], expected.clamp(-1, 1))
