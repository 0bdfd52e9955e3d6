"""TD3+BC (Fujimoto and Gu 2021) [L]: TD3 whose policy also stays near the data's actions.

Observations are normalised by the train section (`normalise_observations`), not here.
"""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from qdot.algorithms.base import Algorithm, Batch, Config, Generators
from qdot.algorithms.critic import TwinQ, pairs
from qdot.algorithms.networks import MLP, Noise, Step
from qdot.algorithms.optimiser import Adam, Packed
from qdot.algorithms.transport_loss import FLOOR, clip_to_box


@dataclass(frozen=True, kw_only=True)
class TD3BCConfig(Config):
    """Values of TD3+BC.

    Attributes:
        discount: gamma.
        target_update_rate: Share of the online networks that the targets take in at each update of the policy.
        q_gain: Weight of Q / E|Q| in the policy's loss (the paper's alpha).
        policy_noise: Standard deviation of the noise on the target policy's action.
        noise_clip: Bound of that noise.
        policy_delay: Policy and targets are updated each so many steps.
    """

    discount: float
    target_update_rate: float
    q_gain: float
    policy_noise: float
    noise_clip: float
    policy_delay: int


class TD3BC(Algorithm):
    """Twin Q with clipped double targets, and a policy pi(s) = tanh f(s) that climbs Q1 and imitates."""

    name = "td3_bc"
    Config = TD3BCConfig
    config: TD3BCConfig

    def __init__(self, config: TD3BCConfig, observation_dim: int, action_dim: int, generators: Generators) -> None:
        """Build twins, policy and their slow copies."""
        super().__init__(config, observation_dim, action_dim, generators)
        self.q = TwinQ(config, observation_dim, action_dim, generators)
        self.policy = MLP(generators("policy"), observation_dim, config.hidden, action_dim)
        self.target_q = copy.deepcopy(self.q).requires_grad_(False)
        self.target_policy = copy.deepcopy(self.policy).requires_grad_(False)
        self.smoothing = Noise(generators("smoothing"))
        self.measured: Tensor
        self.register_buffer("measured", torch.zeros(self.seeds, 3))  # of the policy's last update

    def value(self, observations: Tensor, actions: Tensor) -> Tensor:
        """min_i Q_i(s, a), (seeds, n)."""
        return self.q(pairs(observations, actions)).amin(dim=1)

    def smoothed_action(self, observations: Tensor, step: Step) -> Tensor:
        """clip(target pi(s) + clip(noise)), (seeds, batch, act)."""
        noise = self.config.policy_noise * self.smoothing.normal(observations.shape[1], self.action_dim, step)
        noise = noise.clamp(-self.config.noise_clip, self.config.noise_clip)
        return clip_to_box(self.target_policy(observations).tanh() + noise)

    def q_loss(self, batch: Batch, step: Step) -> Tensor:
        """sum_i E (r + gamma (1 - terminal) min_j Qbar_j(s', smoothed target action) - Q_i(s, a))^2; per seed."""
        with torch.no_grad():
            chosen = self.smoothed_action(batch.next_observations, step)
            bootstrap = self.target_q(pairs(batch.next_observations, chosen)).amin(dim=1)
            target = batch.rewards + self.config.discount * (1 - batch.terminals) * bootstrap
        q = self.q(pairs(batch.observations, batch.actions))
        return (target.unsqueeze(1) - q).square().mean(dim=-1).sum(dim=-1)

    def policy_loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """-q_gain E Q1(s, pi(s)) / E|Q1(s, pi(s))| + mean (pi(s) - a)^2 over rows and coordinates; per seed."""
        chosen = self.policy(batch.observations).tanh()
        q = self.q(pairs(batch.observations, chosen))[:, 0]
        scale = self.config.q_gain / q.detach().abs().mean(dim=-1).clamp(min=FLOOR)  # (seeds,)
        imitation = (chosen - batch.actions).square().mean(dim=(1, 2))
        info = {"q_value": q.mean(dim=-1).detach(), "q_scale": scale}
        return imitation - scale * q.mean(dim=-1), info

    def prepare(self) -> None:
        """Make the optimisers, and pack the slow copies as they pack the networks."""
        rate = self.config.learning_rate
        self.optimisers = {"q": Adam([self.q], rate), "policy": Adam([self.policy], rate)}
        self.slow = {"q": Packed([self.target_q]), "policy": Packed([self.target_policy])}

    def update(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        """One step: Q (target Q, target policy); at steps 0, delay, 2 delay... also policy (new Q1), both targets.

        A step without an update of the policy reports what the last one measured.
        """
        info = self.optimisers["q"].minimise({"q_loss": self.q_loss(batch, step)})
        if step % self.config.policy_delay == 0:
            policy_loss, measured = self.policy_loss(batch)
            terms = self.optimisers["policy"].minimise({"policy_loss": policy_loss}, self.actor_rate(step)) | measured
            self.measured.copy_(torch.stack(list(terms.values()), dim=-1))
            for name, slow in self.slow.items():
                slow.flat.lerp_(self.optimisers[name].weights.flat, self.config.target_update_rate)
        reported = self.measured.clone().unbind(dim=-1)
        return info | dict(zip(("policy_loss", "q_value", "q_scale"), reported, strict=True))

    def act(self, observations: Tensor, readout: str, noise: Tensor | None = None) -> Tensor:
        """pi(s)."""
        return self.policy(observations).tanh()
