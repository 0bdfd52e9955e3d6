"""A behaviour model with several modes: a mixture density network (Bishop 1994)."""

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from qdot.algorithms.behaviour import LOG_STD_RANGE
from qdot.algorithms.networks import MLP, Step


class Components(NamedTuple):
    """The mixture at some states.

    Attributes:
        log_weights: (members, n, components), normalised.
        means: (members, n, components, act), in [-1, 1].
        log_std: (members, n, components, act).
    """

    log_weights: Tensor
    means: Tensor
    log_std: Tensor


class MixturePolicy(nn.Module):
    """sum_k w_k(s) N(tanh m_k(s), diag(sigma_k(s)^2)) per member.

    log sigma runs smoothly over `LOG_STD_RANGE`: a clamp would leave a state without a gradient for good.
    """

    def __init__(
        self,
        generators: Sequence[torch.Generator],
        observation_dim: int,
        action_dim: int,
        hidden: Sequence[int],
        dropout: float,
        components: int,
    ) -> None:
        """Draw the weights of the one network that gives all components."""
        super().__init__()
        self.action_dim, self.count = action_dim, components
        self.network = MLP(generators, observation_dim, hidden, components * (1 + 2 * action_dim), dropout=dropout)

    @property
    def noise_width(self) -> int:
        """Normal numbers that one sample takes: one per coordinate, one for the component."""
        return self.action_dim + 1

    def components(self, observations: Tensor, step: Step | None = None) -> Components:
        """The mixture at observations (members, n, obs); a step means training, so dropout is on."""
        wide = self.count * self.action_dim
        logits, centres, spreads = self.network(observations, step).split([self.count, wide, wide], dim=-1)
        low, high = LOG_STD_RANGE
        log_std = low + 0.5 * (high - low) * (1 + spreads.tanh())
        shape = (self.count, self.action_dim)
        return Components(logits.log_softmax(dim=-1), centres.tanh().unflatten(-1, shape), log_std.unflatten(-1, shape))

    def log_likelihood(self, observations: Tensor, actions: Tensor, step: Step | None = None) -> Tensor:
        """Density log sum_k w_k N(a; m_k, sigma_k^2), (members, batch); without a step, without dropout."""
        log_weights, means, log_std = self.components(observations, step)
        deviation = (actions.unsqueeze(2) - means) * (-log_std).exp()
        constant = log_std.sum(dim=-1) + 0.5 * math.log(2 * math.pi) * self.action_dim
        return (log_weights - 0.5 * deviation.square().sum(dim=-1) - constant).logsumexp(dim=-1)

    def mean(self, observations: Tensor) -> Tensor:
        """The mean of the heaviest component, (members, n, act).

        Not the mixture's mean: between two modes there may be no data, and the map was never asked about it.
        """
        log_weights, means, _ = self.components(observations)
        heaviest = log_weights.argmax(dim=-1)[..., None, None].expand(-1, -1, 1, self.action_dim)
        return means.gather(2, heaviest).squeeze(2)

    def moments(self, observations: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of the whole mixture, coordinate by coordinate, (members, n, act) each."""
        log_weights, means, log_std = self.components(observations)
        weights = log_weights.exp().unsqueeze(-1)
        overall = (weights * means).sum(dim=2, keepdim=True)
        spread = (2 * log_std).exp() + (means - overall).square()
        return overall.squeeze(2), (weights * spread).sum(dim=2)

    def draws(self, observations: Tensor, noise: Tensor) -> Tensor:
        """Draws (members, n, k, act) of the mixture itself, from standard normal noise (members, n, k, act + 1).

        The last number picks the component: its normal distribution function is uniform on (0, 1).
        """
        log_weights, means, log_std = self.components(observations)
        level = 0.5 * (1 + torch.erf(noise[..., -1:] / math.sqrt(2)))  # (members, n, k, 1)
        *bounds, _ = itertools.accumulate(log_weights.exp().unbind(dim=-1))  # `cumsum` is not deterministic on a GPU
        above = [level > bound[..., None, None] for bound in bounds]
        picked = torch.stack(above).sum(dim=0).expand(-1, -1, -1, self.action_dim)
        return means.gather(2, picked) + log_std.gather(2, picked).exp() * noise[..., :-1]

    def sample(self, observations: Tensor, noise: Tensor) -> Tensor:
        """Actions (members, n, k, act): the draws, clipped to [-1, 1]."""
        return self.draws(observations, noise).clamp(-1, 1)
