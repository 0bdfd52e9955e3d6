"""The Gaussian policy of IQL's code [L]: mean tanh(network(s)), a log standard deviation that no state changes."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from qdot.algorithms.networks import MLP, Step

LOG_STD_RANGE = (-5.0, 2.0)  # [L] ikostrikov/implicit_q_learning


class GaussianPolicy(nn.Module):
    """N(tanh f(s), diag(sigma^2)) per member; not squashed, so its density is that of a plain Gaussian.

    Attributes:
        log_std: (members, 1, act), starts at 0.
    """

    def __init__(
        self,
        generators: Sequence[torch.Generator],
        observation_dim: int,
        action_dim: int,
        hidden: Sequence[int],
        dropout: float,
    ) -> None:
        """Draw the mean's weights."""
        super().__init__()
        self.network = MLP(generators, observation_dim, hidden, action_dim, dropout=dropout)
        self.log_std = nn.Parameter(torch.zeros(len(generators), 1, action_dim))

    def mean(self, observations: Tensor, step: Step | None = None) -> Tensor:
        """Mean action (members, n, act); a step means training, so dropout is on."""
        return self.network(observations, step).tanh()

    def std(self) -> Tensor:
        """Standard deviation (members, 1, act)."""
        return self.log_std.clamp(*LOG_STD_RANGE).exp()

    @property
    def noise_width(self) -> int:
        """Normal numbers that one sample takes."""
        return self.log_std.shape[-1]

    def moments(self, observations: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of each coordinate, (members, n, act); the variance is the same in all states."""
        mean = self.mean(observations)
        return mean, self.std().square().expand_as(mean)

    def log_likelihood(self, observations: Tensor, actions: Tensor, step: Step | None = None) -> Tensor:
        """Density log N(a; tanh f(s), sigma^2), (members, batch); without a step, without dropout."""
        log_std = self.log_std.clamp(*LOG_STD_RANGE)
        deviation = (actions - self.mean(observations, step)) * (-log_std).exp()
        constant = log_std.sum(dim=-1) + 0.5 * math.log(2 * math.pi) * actions.shape[-1]  # (members, 1)
        return -0.5 * deviation.square().sum(dim=-1) - constant

    def draws(self, observations: Tensor, noise: Tensor) -> Tensor:
        """Draws (members, n, k, act) of the Gaussian itself, from standard normal noise of that shape."""
        return self.mean(observations).unsqueeze(2) + self.std().unsqueeze(2) * noise

    def sample(self, observations: Tensor, noise: Tensor) -> Tensor:
        """Actions (members, n, k, act): the draws, clipped to [-1, 1]."""
        return self.draws(observations, noise).clamp(-1, 1)
