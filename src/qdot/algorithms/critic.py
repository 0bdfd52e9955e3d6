"""The critic of IQL (paper.md section 2, [L] ikostrikov/implicit_q_learning), which Q-DOT shares."""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from qdot.algorithms.base import Batch, Config, Generators
from qdot.algorithms.networks import MLP
from qdot.algorithms.optimiser import Adam, Learner, Packed


@dataclass(frozen=True, kw_only=True)
class CriticConfig(Config):
    """Values of the critic.

    Attributes:
        discount: gamma.
        target_update_rate: Share of Q that Qbar takes in at each step.
        expectile: tau of the expectile loss.
        value_layer_norm: Normalise the layers of V.
    """

    discount: float
    target_update_rate: float
    expectile: float
    value_layer_norm: bool


class TwinQ(nn.Module):
    """Two Q functions per seed, as members of one batched network."""

    def __init__(self, config: Config, observation_dim: int, action_dim: int, generators: Generators) -> None:
        """Draw both; members are seed-major: Q1 and Q2 of the first seed, then of the next."""
        super().__init__()
        pairs = zip(generators("q1"), generators("q2"), strict=True)
        members = [generator for pair in pairs for generator in pair]
        self.network = MLP(members, observation_dim + action_dim, config.hidden, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        """Q1 and Q2, (seeds, 2, batch), of `pairs(observations, actions)`."""
        return self.network(inputs).view(-1, 2, inputs.shape[1])


def pairs(observations: Tensor, actions: Tensor) -> Tensor:
    """Input of `TwinQ`: (seeds * 2, batch, obs + act)."""
    return torch.cat([observations, actions], dim=-1).repeat_interleave(2, dim=0)


def expectile_loss(difference: Tensor, expectile: float) -> Tensor:
    """|tau - 1(u < 0)| u^2, elementwise."""
    return torch.where(difference < 0, 1 - expectile, expectile) * difference.square()


class Critic(Learner):
    """V, the online twins Q and their slow copy Qbar.

    `prepare` makes optimisers `value` and `q`, and packs Qbar as `q` of the slow ones.
    """

    traceable = True

    def __init__(self, config: CriticConfig, observation_dim: int, action_dim: int, generators: Generators) -> None:
        """Draw V and Q; Qbar starts as Q."""
        super().__init__()
        self.config = config
        norm = config.value_layer_norm
        self.value = MLP(generators("value"), observation_dim, config.hidden, 1, layer_norm=norm)
        self.q = TwinQ(config, observation_dim, action_dim, generators)
        self.target = copy.deepcopy(self.q).requires_grad_(False)

    def prepare(self) -> dict[str, Adam]:
        """Make the optimisers of V and Q, and pack Qbar as they pack Q."""
        rate = self.config.learning_rate
        self.optimisers = {"value": Adam([self.value], rate), "q": Adam([self.q], rate)}
        self.slow = {"q": Packed([self.target])}
        return self.optimisers

    def aim(self, batch: Batch) -> Tensor:
        """What a step begins with: min_i Qbar_i(s, a), (seeds, batch)."""
        return self.target_q(pairs(batch.observations, batch.actions))

    def begin(self, batch: Batch, target_q: Tensor) -> dict[str, Tensor]:
        """First part of a step: V, towards min_i Qbar_i(s, a). Returns terms (seeds,)."""
        return self.optimisers["value"].minimise({"value_loss": self.value_loss(batch, target_q)})

    def finish(self, batch: Batch) -> dict[str, Tensor]:
        """Last part of a step: Q (new V), then Qbar (new Q). Returns terms (seeds,)."""
        loss = self.q_loss(batch, pairs(batch.observations, batch.actions))
        info = self.optimisers["q"].minimise({"q_loss": loss})
        self.track_target()
        return info

    def v(self, observations: Tensor) -> Tensor:
        """V(s), (seeds, batch)."""
        return self.value(observations).squeeze(-1)

    def target_q(self, inputs: Tensor) -> Tensor:
        """min_i Qbar_i(s, a), (seeds, batch), without gradient."""
        with torch.no_grad():
            return self.target(inputs).amin(dim=1)

    def min_q(self, observations: Tensor, actions: Tensor) -> Tensor:
        """min_i Q_i(s, a) of the online twins, (seeds, n), of (seeds, n, obs) and (seeds, n, act)."""
        return self.q(pairs(observations, actions)).amin(dim=1)

    def value_loss(self, batch: Batch, target_q: Tensor) -> Tensor:
        """E |tau - 1(u < 0)| u^2, u = min_i Qbar_i(s, a) - V(s); per seed."""
        return expectile_loss(target_q - self.v(batch.observations), self.config.expectile).mean(dim=-1)

    def q_loss(self, batch: Batch, inputs: Tensor) -> Tensor:
        """sum_i E (r + gamma (1 - terminal) V(s') - Q_i(s, a))^2; per seed."""
        with torch.no_grad():
            bootstrap = (1 - batch.terminals) * self.v(batch.next_observations)
            target = batch.rewards + self.config.discount * bootstrap  # (seeds, batch)
        return (target.unsqueeze(1) - self.q(inputs)).square().mean(dim=-1).sum(dim=-1)

    def track_target(self) -> None:
        """Qbar <- rate Q + (1 - rate) Qbar."""
        self.slow["q"].flat.lerp_(self.optimisers["q"].weights.flat, self.config.target_update_rate)

    def linearised_q(
        self, observations: Tensor, actions: Tensor, twin: str, critic: str = "online"
    ) -> tuple[Tensor, Tensor]:
        """Q(s, a) with its gradient in a, at the cost of one backward pass.

        Args:
            observations: (seeds, batch, obs).
            actions: (seeds, batch, act), possibly with a graph behind them.
            twin: `min` or `mean` of the two.
            critic: `online` twins, or their slow `target`.

        Returns:
            Q (seeds, batch), whose only gradient is dQ/da with respect to `actions`, and dQ/da (seeds, batch, act),
            detached.
        """
        point = actions.detach().requires_grad_()
        with torch.enable_grad():
            twins = (self.q if critic == "online" else self.target)(pairs(observations, point))  # (seeds, 2, batch)
            q = twins.amin(dim=1) if twin == "min" else twins.mean(dim=1)
            (slope,) = torch.autograd.grad(q.sum(), point)
        return q.detach() + (slope * (actions - point.detach())).sum(dim=-1), slope
