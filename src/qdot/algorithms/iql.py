"""Implicit Q-learning (Kostrikov et al. 2022), after its JAX code [L]: expectile critic, weighted imitation."""

from dataclasses import dataclass

import torch
from torch import Tensor

from qdot.algorithms.actor_critic import ActorCritic, Improved
from qdot.algorithms.base import Batch, Generators
from qdot.algorithms.behaviour import GaussianPolicy
from qdot.algorithms.critic import CriticConfig
from qdot.algorithms.networks import Step
from qdot.algorithms.optimiser import Adam


@dataclass(frozen=True, kw_only=True)
class IQLConfig(CriticConfig):
    """Values of IQL.

    Attributes:
        temperature: beta of the advantage weight (the code's inverse temperature).
        max_weight: Upper bound of the weight.
        actor_dropout: Rate after each hidden layer of the policy.
    """

    temperature: float
    max_weight: float
    actor_dropout: float


class IQL(ActorCritic):
    """Expectile V and twin Q, and a Gaussian policy that imitates good actions more; acts its mean."""

    name = "iql"
    Config = IQLConfig
    config: IQLConfig

    def __init__(self, config: IQLConfig, observation_dim: int, action_dim: int, generators: Generators) -> None:
        """Build the policy."""
        super().__init__(config, observation_dim, action_dim, generators)
        self.policy = GaussianPolicy(
            generators("policy"), observation_dim, action_dim, config.hidden, config.actor_dropout
        )

    def advantage_weight(self, advantage: Tensor) -> Tensor:
        """min(exp(beta A), max_weight), elementwise."""
        return (self.config.temperature * advantage).exp().clamp(max=self.config.max_weight)

    def policy_loss(self, batch: Batch, target_q: Tensor, step: Step) -> Tensor:
        """-E_D min(exp(beta (min_i Qbar_i(s, a) - V(s))), max_weight) log pi(a | s); per seed."""
        with torch.no_grad():
            weight = self.advantage_weight(target_q - self.critic.v(batch.observations))
        return -(weight * self.policy.log_likelihood(batch.observations, batch.actions, step)).mean(dim=-1)

    def prepare(self) -> None:
        """Make the optimisers."""
        self.optimisers = self.critic.prepare() | {"policy": Adam([self.policy], self.config.learning_rate)}

    def improve(self, batch: Batch, target_q: Tensor, step: Step) -> Improved:
        """One step of the policy (target Q, new V)."""
        policy_loss = self.policy_loss(batch, target_q, step)
        info = self.optimisers["policy"].minimise({"policy_loss": policy_loss}, self.actor_rate(step))
        return info | {"q_value": target_q.mean(dim=-1)}, None

    def act(self, observations: Tensor, readout: str, noise: Tensor | None = None) -> Tensor:
        """The mean tanh f(s)."""
        return self.policy.mean(observations)
