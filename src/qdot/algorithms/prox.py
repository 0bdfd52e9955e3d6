"""Proximal steps at acting time: Q-DOT's objective climbed from the behaviour's mean, with no map at all.

The optimum of Q-DOT's loss at an action a0 is argmax_t lambda Q(s, t) - alpha ||t - a0||^2, the proximal map of Q. The
map learns it for all actions of the data; this baseline finds it for the one action that it is asked for.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from qdot.algorithms.actor_critic import ActorCritic, Improved
from qdot.algorithms.base import Batch, Generators
from qdot.algorithms.behaviour import GaussianPolicy
from qdot.algorithms.climbing import ClimbConfig
from qdot.algorithms.networks import Step
from qdot.algorithms.optimiser import Adam
from qdot.algorithms.transport_loss import clip_to_box, q_weight


@dataclass(frozen=True, kw_only=True)
class ProxConfig(ClimbConfig):
    """Values of the proximal baseline.

    Attributes:
        prox_steps: Gradient steps per action.
        prox_step_size: In units of 1 / (2 alpha). The steps converge where it is below 2 / (1 + L / (2 alpha)), L the
            largest curvature of lambda Q.
        behaviour_holdout: Keep `Batch.held_out` from the behaviour model.
    """

    prox_steps: int
    prox_step_size: float
    behaviour_holdout: bool


class Prox(ActorCritic):
    """The behaviour's mean, moved uphill; the critic is IQL's.

    Attributes:
        scale: lambda where it acts, (seeds,): a running mean over the training batches.
    """

    name = "prox"
    Config = ProxConfig
    config: ProxConfig
    reads_value = False

    def __init__(self, config: ProxConfig, observation_dim: int, action_dim: int, generators: Generators) -> None:
        """Build the behaviour model."""
        super().__init__(config, observation_dim, action_dim, generators)
        self.behaviour = GaussianPolicy(
            generators("behaviour"), observation_dim, action_dim, config.hidden, config.actor_dropout
        )
        self.scale: Tensor
        self.register_buffer("scale", torch.zeros(self.seeds))

    def behaviour_loss(self, batch: Batch, step: Step) -> Tensor:
        """-E_D log beta(a | s), without the rows held out; per seed."""
        loss = -self.behaviour.log_likelihood(batch.observations, batch.actions, step)
        kept = 1 - batch.held_out * self.config.behaviour_holdout
        return (loss * kept).sum(dim=-1) / kept.sum(dim=-1).clamp(min=1)

    def measure_scale(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        """Take lambda at the data's actions into its running mean: plain at first, then exponential."""
        q, slope = self.critic.linearised_q(batch.observations, batch.actions, self.config.twin_q)
        rate = torch.as_tensor(1 / (step + 1)).clamp(min=self.config.target_update_rate)
        self.scale.lerp_(q_weight(self.config.q_scale, q, slope), rate.to(self.scale))
        return {"q_value": q.mean(dim=-1).detach(), "q_scale": self.scale.clone()}

    def prepare(self) -> None:
        """Make the optimisers."""
        self.optimisers = self.critic.prepare() | {"behaviour": Adam([self.behaviour], self.config.learning_rate)}

    def improve(self, batch: Batch, target_q: Tensor, step: Step) -> Improved:
        """One step of lambda (Q) and of the behaviour policy."""
        measured = self.measure_scale(batch, step)
        behaviour_loss = self.behaviour_loss(batch, step)
        info = self.optimisers["behaviour"].minimise({"behaviour_loss": behaviour_loss}, self.actor_rate(step))
        return info | measured, None

    def act(self, observations: Tensor, readout: str, noise: Tensor | None = None) -> Tensor:
        """Steps up lambda Q(s, t) - alpha ||t - a0||^2 from t = a0 = E beta(.|s), held in the box."""
        start = self.behaviour.mean(observations)
        push = (self.scale / (2 * self.config.transport_weight)).view(-1, 1, 1)
        moved = start
        for _ in range(self.config.prox_steps):
            _, slope = self.critic.linearised_q(observations, moved, self.config.twin_q)
            moved = clip_to_box(moved + self.config.prox_step_size * (start + push * slope - moved))
        return moved
