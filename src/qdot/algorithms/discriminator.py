"""The 1-distance between behaviour and policy by its dual, as BRAC computes it (Wu et al. 2019) [L].

    E_s W1(beta(.|s), pi(.|s)) = max_g E_beta g(s, a) - E_pi g(s, a),  ||grad_a g|| <= 1

The bound on the slope is a penalty, so the maximum lies a little above W1: for a pure shift by d the slope settles at
1 + d / (2 penalty_weight), and the estimate at d times that.

What an algorithm does with it (`actions_of(turn)` gives the policy's actions, with noise of that turn):

    self.discriminator = Discriminator(generators("discriminator"), obs, act, hidden, penalty_weight)
    self.optimisers["discriminator"] = Adam([self.discriminator], discriminator_learning_rate)      # in `prepare`
    info |= self.discriminator.fit(self.optimisers["discriminator"], batch, actions_of, turns(step, k))  # in `update`
    loss = transport_weight * self.discriminator.dual(batch.observations, batch.actions, moved) - ...
"""

from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from qdot.algorithms.base import Batch
from qdot.algorithms.networks import MLP, BatchedLinear, Noise, Step, product
from qdot.algorithms.optimiser import Adam


class Discriminator(nn.Module):
    """g(s, a), a ReLU network per seed that is to tell the data's actions from the policy's.

    Attributes:
        network: g.
        mix: Noise of the interpolates that the penalty is taken on.
        penalty_weight: Of the one-sided gradient penalty.
    """

    def __init__(
        self,
        generators: Sequence[torch.Generator],
        observation_dim: int,
        action_dim: int,
        hidden: Sequence[int],
        penalty_weight: float,
    ) -> None:
        """Draw each seed's weights, then its noise's key."""
        super().__init__()
        self.observation_dim, self.penalty_weight = observation_dim, penalty_weight
        self.network = MLP(generators, observation_dim + action_dim, hidden, 1)
        self.mix = Noise(generators)

    def forward(self, observations: Tensor, actions: Tensor) -> Tensor:
        """g(s, a), (seeds, batch)."""
        return self.network(torch.cat([observations, actions], dim=-1)).squeeze(-1)

    def gradient(self, observations: Tensor, actions: Tensor) -> Tensor:
        """grad_a g(s, a), (seeds, batch, act), in closed form: one product per layer up and one down.

        Its derivative in the weights is that of a double backward pass, as a ReLU's slope is piecewise constant.
        """
        units, slopes = torch.cat([observations, actions], dim=-1), []
        layers = [cast(BatchedLinear, layer) for layer in self.network.hidden]
        for layer in layers:
            before = layer(units)
            units = torch.relu(before)
            slopes.append((before > 0).to(before.dtype))
        lower = self.network.output.weight.transpose(1, 2)  # (seeds, 1, hidden)
        for layer, slope in zip(reversed(layers[1:]), reversed(slopes[1:]), strict=True):
            lower = layer.transposed(lower * slope)
        return product(lower * slopes[0], layers[0].weight[:, self.observation_dim :].transpose(1, 2))

    def dual(self, observations: Tensor, actions: Tensor, policy_actions: Tensor) -> Tensor:
        """E_beta g(s, a) - E_pi g(s, a), (seeds,): the estimate of W1, and what a policy goes down.

        Args:
            observations: (seeds, batch, obs).
            actions: The data's, (seeds, batch, act).
            policy_actions: The policy's in the same states, (seeds, batch, act), not clipped to the box.
        """
        # In two passes: where the actions are equal, as a map's are at first, the gradients cancel to the last bit.
        # What one pass over both would leave of them, Adam would blow up.
        return self(observations, actions).mean(dim=-1) - self(observations, policy_actions).mean(dim=-1)

    def loss(
        self, observations: Tensor, actions: Tensor, policy_actions: Tensor, turn: Step
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """-(E_beta g - E_pi g) + penalty_weight E max(0, ||grad_a g|| - 1)^2; per seed, with what it measured.

        The penalty is taken between the two actions of each row, at a place drawn for that `turn`.
        """
        estimate = self.dual(observations, actions, policy_actions)
        share = self.mix.uniform(actions.shape[1], 1, turn)  # (seeds, batch, 1)
        slope = self.gradient(observations, actions + share * (policy_actions - actions))
        square = slope.square().sum(dim=-1)  # (seeds, batch)
        excess = square.clamp(min=1).sqrt() - 1  # max(0, norm - 1), with a derivative where the norm is 0
        loss = self.penalty_weight * excess.square().mean(dim=-1) - estimate
        info = {"w1_estimate": estimate, "discriminator_gradient": square.sqrt().mean(dim=-1)}
        return loss, {name: value.detach() for name, value in info.items()}

    def fit(
        self, optimiser: Adam, batch: Batch, actions_of: Callable[[Step], Tensor], turns: Sequence[Step]
    ) -> dict[str, Tensor]:
        """One step of g per turn, each against the policy's actions `actions_of(turn)`.

        Returns:
            `discriminator_loss`, `w1_estimate` and `discriminator_gradient` (mean norm on the interpolates) of the last
            turn, (seeds,) each.
        """
        info: dict[str, Tensor] = {}
        for turn in turns:
            loss, measured = self.loss(batch.observations, batch.actions, actions_of(turn).detach(), turn)
            info = optimiser.minimise({"discriminator_loss": loss}) | measured
        return info
