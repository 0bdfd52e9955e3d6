"""Behaviour cloning: maximum likelihood of the data's actions."""

from dataclasses import dataclass

from torch import Tensor

from qdot.algorithms.base import Algorithm, Batch, Config, Generators
from qdot.algorithms.behaviour import GaussianPolicy
from qdot.algorithms.networks import Step
from qdot.algorithms.optimiser import Adam


@dataclass(frozen=True, kw_only=True)
class BCConfig(Config):
    """Values of BC.

    Attributes:
        actor_dropout: Rate after each hidden layer of the policy.
    """

    actor_dropout: float


class BC(Algorithm):
    """A Gaussian policy fitted to D; acts its mean."""

    name = "bc"
    Config = BCConfig
    config: BCConfig
    traceable = True

    def __init__(self, config: BCConfig, observation_dim: int, action_dim: int, generators: Generators) -> None:
        """Build the policy."""
        super().__init__(config, observation_dim, action_dim, generators)
        self.policy = GaussianPolicy(
            generators("policy"), observation_dim, action_dim, config.hidden, config.actor_dropout
        )

    def policy_loss(self, batch: Batch, step: Step) -> Tensor:
        """-E_D log pi(a | s); per seed."""
        return -self.policy.log_likelihood(batch.observations, batch.actions, step).mean(dim=-1)

    def prepare(self) -> None:
        """Make the policy's optimiser."""
        self.optimisers = {"policy": Adam([self.policy], self.config.learning_rate)}

    def update(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        """One step: policy."""
        loss = self.policy_loss(batch, step)
        return self.optimisers["policy"].minimise({"policy_loss": loss}, self.actor_rate(step))

    def act(self, observations: Tensor, readout: str, noise: Tensor | None = None) -> Tensor:
        """The mean tanh f(s)."""
        return self.policy.mean(observations)
