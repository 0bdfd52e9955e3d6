"""Adversarial Wasserstein regularisation: IQL's critic, and a policy held near the data by a discriminator.

That such a baseline was compared is the paper's; its form is BRAC's policy regularisation with the dual of W1 (Wu et
al. 2019) [L], on the critic that Q-DOT uses.
"""

from dataclasses import dataclass

from torch import Tensor

from qdot.algorithms.actor_critic import ActorCritic, Improved
from qdot.algorithms.base import Batch, Generators
from qdot.algorithms.behaviour import GaussianPolicy
from qdot.algorithms.climbing import ClimbConfig
from qdot.algorithms.discriminator import Discriminator
from qdot.algorithms.networks import Noise, Step, turns
from qdot.algorithms.optimiser import Adam
from qdot.algorithms.transport_loss import clip_to_box, q_weight, transport_loss


@dataclass(frozen=True, kw_only=True)
class AdversarialConfig(ClimbConfig):
    """Values of the adversarial baseline.

    Attributes:
        discriminator_steps: Steps of the discriminator before each of the policy.
        discriminator_learning_rate: Of its Adam; constant.
        penalty_weight: Of its one-sided gradient penalty.
    """

    discriminator_steps: int
    discriminator_learning_rate: float
    penalty_weight: float


class Adversarial(ActorCritic):
    """A Gaussian policy climbs Q and pays for W1 from the behaviour, as a discriminator estimates it; acts its mean."""

    name = "adversarial"
    Config = AdversarialConfig
    config: AdversarialConfig
    reads_value = False

    def __init__(
        self, config: AdversarialConfig, observation_dim: int, action_dim: int, generators: Generators
    ) -> None:
        """Build policy and discriminator."""
        super().__init__(config, observation_dim, action_dim, generators)
        sizes = observation_dim, action_dim, config.hidden
        self.policy = GaussianPolicy(generators("policy"), *sizes, config.actor_dropout)
        self.samples = Noise(generators("policy_samples"))
        self.discriminator = Discriminator(generators("discriminator"), *sizes, config.penalty_weight)

    def draw(self, mean: Tensor, turn: Step) -> Tensor:
        """Actions mean + sigma noise(turn), not clipped, differentiable in the policy; (seeds, batch, act)."""
        return mean + self.policy.std() * self.samples.normal(mean.shape[1], self.action_dim, turn)

    def policy_loss(self, batch: Batch, chosen: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """-lambda E Q(s, clip a) + alpha (E_beta g - E_pi g), a = `chosen` ~ pi; per seed, with what it measured."""
        clipped = clip_to_box(chosen)
        q, slope = self.critic.linearised_q(batch.observations, clipped, self.config.twin_q)
        scale = q_weight(self.config.q_scale, q, slope)  # (seeds,)
        distance = self.discriminator.dual(batch.observations, batch.actions, chosen)
        info = {"q_value": q.mean(dim=-1), "q_scale": scale, "policy_std": self.policy.std().mean(dim=(1, 2))}
        info["clipped_share"] = (chosen != clipped).any(dim=-1).float().mean(dim=-1)
        loss = transport_loss(q, distance, scale, self.config.transport_weight)
        return loss, {name: value.detach() for name, value in info.items()}

    def prepare(self) -> None:
        """Make the optimisers."""
        self.optimisers = self.critic.prepare() | {
            "policy": Adam([self.policy], self.config.learning_rate),
            "discriminator": Adam([self.discriminator], self.config.discriminator_learning_rate),
        }

    def improve(self, batch: Batch, target_q: Tensor, step: Step) -> Improved:
        """Steps of the discriminator, then one of the policy (Q, new discriminator)."""
        *fitting, last = turns(step, self.config.discriminator_steps + 1)  # the last for the policy
        optimiser = self.optimisers["discriminator"]
        mean = self.policy.mean(batch.observations, step)  # of all draws: the policy stays as it is until its own step
        info = self.discriminator.fit(optimiser, batch, lambda turn: self.draw(mean, turn), fitting)
        policy_loss, measured = self.policy_loss(batch, self.draw(mean, last))
        info |= self.optimisers["policy"].minimise({"policy_loss": policy_loss}, self.actor_rate(step))
        return info | measured, None

    def act(self, observations: Tensor, readout: str, noise: Tensor | None = None) -> Tensor:
        """The mean tanh f(s)."""
        return self.policy.mean(observations)
