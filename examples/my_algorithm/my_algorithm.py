"""A complete algorithm in one file: least-squares regression of the data's actions, with an optional ridge.

Install it beside qdot (`pip install --no-deps examples/my_algorithm`), name it in params.yaml (`algorithms: regression:
{ridge: 0.0}`, and in a suite's `algorithms`), and run the study.
"""

from dataclasses import dataclass

from torch import Tensor

from qdot.algorithms.base import Algorithm, Batch, Config, Generators
from qdot.algorithms.networks import MLP
from qdot.algorithms.optimiser import Adam


@dataclass(frozen=True, kw_only=True)
class RegressionConfig(Config):
    """Values beside those of the train section.

    Attributes:
        ridge: Weight of ||pi(s)||^2.
    """

    ridge: float


class Regression(Algorithm):
    """A deterministic policy a = tanh f(s)."""

    name = "regression"
    Config = RegressionConfig
    config: RegressionConfig

    def __init__(self, config: RegressionConfig, observation_dim: int, action_dim: int, generators: Generators) -> None:
        """Build one batched network for all seeds; each seed draws its weights from its own generator."""
        super().__init__(config, observation_dim, action_dim, generators)
        self.policy = MLP(generators("policy"), observation_dim, config.hidden, action_dim)

    def policy_loss(self, batch: Batch) -> Tensor:
        """E_D ||pi(s) - a||^2 + ridge ||pi(s)||^2, per seed."""
        action = self.policy(batch.observations).tanh()  # (seeds, batch, act)
        miss = (action - batch.actions).square().sum(dim=-1).mean(dim=-1)
        return miss + self.config.ridge * action.square().sum(dim=-1).mean(dim=-1)

    def prepare(self) -> None:
        """Make the optimiser."""
        self.optimisers = {"policy": Adam([self.policy], self.config.learning_rate)}

    def update(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """One step: policy."""
        return self.optimisers["policy"].minimise({"policy_loss": self.policy_loss(batch)}, self.actor_rate(step))

    def act(self, observations: Tensor, readout: str, noise: Tensor | None = None) -> Tensor:
        """The policy's action."""
        return self.policy(observations).tanh()
