"""DDPG+BC on IQL's critic: Q-DOT's loss with a deterministic policy in the map's place.

E_a||pi - a||^2 = ||pi - E a||^2 + tr Cov(a), so its optimum is the map of Q-DOT's loss read at the behaviour's mean:
what Q-DOT scores beyond it is the merit of the map. The penalty is W2^2 between behaviour and policy.
"""

from torch import Tensor

from qdot.algorithms.actor_critic import ActorCritic, Improved
from qdot.algorithms.base import Batch, Generators
from qdot.algorithms.climbing import ClimbConfig
from qdot.algorithms.networks import MLP, Step
from qdot.algorithms.optimiser import Adam
from qdot.algorithms.transport_loss import q_weight, transport_cost, transport_loss


class DDPGBC(ActorCritic):
    """A policy pi(s) = tanh f(s) climbs Q and pays for its squared distance to the data's actions."""

    name = "ddpg_bc"
    Config = ClimbConfig
    config: ClimbConfig
    reads_value = False

    def __init__(self, config: ClimbConfig, observation_dim: int, action_dim: int, generators: Generators) -> None:
        """Build the policy."""
        super().__init__(config, observation_dim, action_dim, generators)
        self.policy = MLP(
            generators("policy"), observation_dim, config.hidden, action_dim, dropout=config.actor_dropout
        )

    def policy_loss(self, batch: Batch, step: Step) -> tuple[Tensor, dict[str, Tensor]]:
        """E_D[ -lambda Q(s, pi(s)) + alpha ||pi(s) - a||^2 ]; per seed, with what it measured."""
        chosen = self.policy(batch.observations, step).tanh()  # (seeds, batch, act)
        cost = transport_cost(chosen, batch.actions)
        q, slope = self.critic.linearised_q(batch.observations, chosen, self.config.twin_q)
        scale = q_weight(self.config.q_scale, q, slope)  # (seeds,)
        info = {"q_value": q.mean(dim=-1), "q_scale": scale, "transport_cost": cost}
        loss = transport_loss(q, cost, scale, self.config.transport_weight)
        return loss, {name: value.detach() for name, value in info.items()}

    def prepare(self) -> None:
        """Make the optimisers."""
        self.optimisers = self.critic.prepare() | {"policy": Adam([self.policy], self.config.learning_rate)}

    def improve(self, batch: Batch, target_q: Tensor, step: Step) -> Improved:
        """One step of the policy (Q)."""
        policy_loss, measured = self.policy_loss(batch, step)
        info = self.optimisers["policy"].minimise({"policy_loss": policy_loss}, self.actor_rate(step))
        return info | measured, None

    def act(self, observations: Tensor, readout: str, noise: Tensor | None = None) -> Tensor:
        """pi(s)."""
        return self.policy(observations).tanh()
