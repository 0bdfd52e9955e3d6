"""IQL: its policy loss by hand, and a bandit that tells it from BC."""

import math

import numpy as np
import torch
from tiny_cells import bandit, random_dataset, values

from qdot.algorithms.base import Batch
from qdot.training.checkpoint import Policy
from qdot.training.loop import train
from qdot.training.trainer import Trainer

LEARN = {"steps": 400, "learning_rate": 3.0e-3, "evaluate_every": 400}


def test_the_advantage_weight_is_a_clipped_exponential() -> None:
    model = Trainer("iql", values("iql"), random_dataset(), [0]).model
    weight = model.advantage_weight(torch.tensor([0.5, -1.0, 2.0]))
    torch.testing.assert_close(weight, torch.tensor([math.exp(1.5), math.exp(-3.0), 100.0]))


def test_the_policy_loss_weights_the_likelihood() -> None:
    model = Trainer("iql", values("iql"), random_dataset(), [0]).model
    s, a, zero = torch.randn(1, 64, 3), torch.rand(1, 64, 1), torch.zeros(1, 64)
    target = model.critic.v(s).detach() + 0.2
    loss = model.policy_loss(Batch(s, a, zero, s, zero, zero), target, step=0)
    normal = torch.distributions.Normal(torch.tanh(model.policy.network(s)), 1.0)
    torch.testing.assert_close(loss[0], -math.exp(0.6) * normal.log_prob(a).mean())


def final_action(algorithm: str, **own: float) -> float:
    policies: dict[int, bytes] = {}
    train(
        algorithm, values(algorithm, LEARN, **own), bandit(), [0], evaluate=lambda found, step: policies.update(found)
    )
    action = Policy.from_bytes(policies[0]).act(np.ones((1, 2)))
    return float((action[0, 0] + 3) / 4 * 2 - 1)  # the bandit's environment maps [-1, 1] to [-3, 1]


def test_awr_picks_the_better_of_two_actions_and_bc_averages_them() -> None:
    assert abs(final_action("iql", temperature=10.0) - 0.5) < 0.05
    assert abs(final_action("bc")) < 0.15
