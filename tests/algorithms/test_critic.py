"""The critic's losses against values computed by hand."""

import copy

import pytest
import torch
from tiny_cells import OWN, TRAIN

from qdot.algorithms.base import Batch
from qdot.algorithms.critic import Critic, expectile_loss, pairs
from qdot.algorithms.iql import IQLConfig
from qdot.training.streams import init_generators


def critic(**changes: float) -> Critic:
    config = IQLConfig.from_values(TRAIN | changes, OWN["iql"])
    return Critic(config, 2, 1, init_generators([0, 1]))


def constant(network: torch.nn.Module, *values: float) -> None:
    """Make a perceptron return one constant per member."""
    with torch.no_grad():
        network.output.weight.zero_()
        network.output.bias[:, 0, 0] = torch.tensor(values)


@pytest.fixture
def batch() -> Batch:
    terminals = torch.tensor([0.0, 1.0]).expand(2, 2)
    rewards = torch.tensor([1.0, 2.0]).expand(2, 2)
    return Batch(torch.randn(2, 2, 2), torch.rand(2, 2, 1), rewards, torch.randn(2, 2, 2), terminals, torch.zeros(2, 2))


def test_the_expectile_loss_by_hand() -> None:
    loss = expectile_loss(torch.tensor([2.0, -2.0, 0.0]), 0.7)
    torch.testing.assert_close(loss, torch.tensor([0.7 * 4, 0.3 * 4, 0.0]))


def test_the_value_loss_takes_the_smaller_target(batch: Batch) -> None:
    subject = critic()
    constant(subject.target.network, 1.0, 3.0, 5.0, 4.0)  # Q1, Q2 of each seed
    constant(subject.value, 2.0, 2.0)
    target = subject.target_q(pairs(batch.observations, batch.actions))
    torch.testing.assert_close(target, torch.tensor([[1.0, 1.0], [4.0, 4.0]]))
    torch.testing.assert_close(subject.value_loss(batch, target), torch.tensor([0.3 * 1, 0.7 * 4]))


def test_the_q_loss_bootstraps_except_at_terminals(batch: Batch) -> None:
    subject = critic(discount=0.5)
    constant(subject.value, 10.0, -2.0)
    constant(subject.q.network, 0.0, 1.0, 0.0, 0.0)
    # targets: seed 0: 1 + .5 * 10 = 6, and 2 at the terminal; seed 1: 1 - 1 = 0, and 2
    expected = torch.tensor([(36 + 4) / 2 + (25 + 1) / 2, 2 * (0 + 4) / 2])
    torch.testing.assert_close(subject.q_loss(batch, pairs(batch.observations, batch.actions)), expected)


def test_the_target_moves_by_its_rate() -> None:
    subject = critic(target_update_rate=0.25)
    subject.prepare()
    old = copy.deepcopy(subject.target)
    with torch.no_grad():
        for parameter in subject.q.parameters():
            parameter.add_(torch.randn_like(parameter))
    subject.track_target()
    for now, before, q in zip(subject.target.parameters(), old.parameters(), subject.q.parameters(), strict=True):
        torch.testing.assert_close(now, 0.75 * before + 0.25 * q)


@pytest.mark.parametrize("twin", ["min", "mean"])
def test_linearised_q_has_the_value_and_the_gradient_of_q(twin: str) -> None:
    subject = critic()
    observations, actions = torch.randn(2, 64, 2), torch.rand(2, 64, 1, requires_grad=True)
    q, slope = subject.linearised_q(observations, actions, twin)
    twins = subject.q(pairs(observations, actions))
    plain = twins.min(dim=1).values if twin == "min" else twins.mean(dim=1)
    torch.testing.assert_close(q, plain)
    weight = torch.randn(2, 64)
    (ours,) = torch.autograd.grad((weight * q).sum(), actions, retain_graph=True)
    (direct,) = torch.autograd.grad((weight * plain).sum(), actions)
    torch.testing.assert_close(ours, direct)
    torch.testing.assert_close(slope, direct / weight.unsqueeze(-1))
    assert not slope.requires_grad
    parameters = list(subject.q.parameters())
    assert all(g is None for g in torch.autograd.grad(q.sum(), parameters, allow_unused=True))
