"""Proximal steps: the analytic proximal map, the running lambda, the behaviour model, a bandit."""

import numpy as np
import pytest
import quadratic_q
import torch
from tiny_cells import bandit, random_dataset, values
from torch import Tensor

from qdot.algorithms.base import Batch
from qdot.algorithms.prox import Prox
from qdot.training.checkpoint import Policy
from qdot.training.trainer import Trainer


def trainer(seeds: int = 2, train: dict[str, object] | None = None, **own: object) -> Trainer:
    return Trainer("prox", values("prox", train, **own), random_dataset(3, 2), list(range(seeds)))


def model(seeds: int = 2, train: dict[str, object] | None = None, **own: object) -> Prox:
    found = trainer(seeds, train, **own).model
    assert isinstance(found, Prox)
    return found


def transitions() -> Batch:
    s, zero = torch.randn(2, 64, 3), torch.zeros(2, 64)
    return Batch(s, torch.rand(2, 64, 2) * 2 - 1, zero, s, zero, zero)


@pytest.mark.parametrize("weight", [0.3, 1.5])
def test_on_a_quadratic_q_it_acts_the_proximal_map_of_the_behaviours_mean(
    weight: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject, s = model(transport_weight=weight), torch.randn(2, 20, 3)
    monkeypatch.setattr(subject.critic, "linearised_q", quadratic_q.linearised_q)
    starts = 0.6 * torch.rand(2, 20, 2) - 0.3
    monkeypatch.setattr(subject.behaviour, "mean", lambda observations: starts)
    subject.scale.fill_(1.0)
    expected = torch.stack([quadratic_q.proximal_map(seed, weight) for seed in starts])
    torch.testing.assert_close(subject.act(s, "policy"), expected, atol=0.01, rtol=0)
    subject.scale.copy_(torch.tensor([1.0, 0.5]))  # half of lambda is twice alpha
    torch.testing.assert_close(
        subject.act(s, "policy")[1], quadratic_q.proximal_map(starts[1], 2 * weight), atol=0.01, rtol=0
    )


@pytest.mark.parametrize("twin_q", ["min", "mean"])
def test_one_step_is_the_gradient_step_of_the_objective(twin_q: str) -> None:
    subject, s = model(twin_q=twin_q, prox_steps=1, prox_step_size=0.3, transport_weight=0.7), torch.randn(2, 5, 3)
    subject.scale.copy_(torch.tensor([0.4, 1.1]))
    start = subject.behaviour.mean(s).detach().requires_grad_()
    inputs = torch.cat([s, start], dim=-1).repeat_interleave(2, 0)
    twins = torch.stack([subject.critic.q.network(inputs)[i::2, :, 0] for i in (0, 1)])
    q = twins.min(dim=0).values if twin_q == "min" else twins.mean(dim=0)
    (slope,) = torch.autograd.grad((subject.scale.unsqueeze(-1) * q).sum(), start)
    with torch.no_grad():  # as at roll-out
        found = subject.act(s, "policy")
    torch.testing.assert_close(found, (start + 0.3 / (2 * 0.7) * slope).clamp(-1, 1).detach())


def test_a_steep_q_ends_at_the_edge_of_the_box(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = model(transport_weight=0.01)
    monkeypatch.setattr(subject.critic, "linearised_q", quadratic_q.linearised_q)
    monkeypatch.setattr(quadratic_q, "PEAK", torch.tensor([5.0, -5.0]))
    subject.scale.fill_(1.0)
    edges = torch.tensor([1.0, -1.0]).expand(2, 4, 2)
    torch.testing.assert_close(subject.act(torch.randn(2, 4, 3), "policy"), edges)


@pytest.mark.parametrize("q_scale", ["one", "mean_q", "gradient_norm"])
def test_lambda_is_a_running_mean_over_the_data(q_scale: str) -> None:
    subject, found = model(q_scale=q_scale), []
    for step in range(300):
        batch = transitions()
        point = batch.actions.clone().requires_grad_()
        inputs = torch.cat([batch.observations, point], dim=-1).repeat_interleave(2, 0)
        q = torch.stack([subject.critic.q.network(inputs)[i::2, :, 0] for i in (0, 1)]).min(dim=0).values
        (slope,) = torch.autograd.grad(q.sum(), point)
        size = {"one": torch.ones(2), "mean_q": q.abs().mean(1), "gradient_norm": slope.norm(dim=-1).mean(1)}[q_scale]
        found.append(1 / size.detach())
        info = subject.measure_scale(batch, step)
        torch.testing.assert_close(info["q_value"], q.mean(-1).detach())
        if step == 150:
            torch.testing.assert_close(info["q_scale"], torch.stack(found).mean(0))  # plain mean up to 1 / 0.005
    expected = torch.stack(found[:200]).mean(0)
    for value in found[200:]:
        expected = 0.995 * expected + 0.005 * value
    torch.testing.assert_close(subject.scale, expected)


def test_held_out_rows_do_not_reach_the_behaviour_model() -> None:
    batch = transitions()
    part = batch._replace(held_out=(torch.arange(64) >= 40).float().expand(2, -1))
    seen = Batch(*(tensor[:, :40] for tensor in batch))
    likelihood = [subject.behaviour_loss(part, 0) for subject in (model(), model(behaviour_holdout=False))]
    torch.testing.assert_close(likelihood[0], model().behaviour_loss(seen, 0))
    torch.testing.assert_close(likelihood[1], model().behaviour_loss(batch, 0))
    assert not torch.allclose(likelihood[0], likelihood[1])


def test_it_starts_from_the_behaviour_model_that_qdot_reads_its_map_at() -> None:
    means: list[Tensor] = []
    for name in ("prox", "qdot"):
        subject = Trainer(name, values(name), random_dataset(3, 2), [4])
        for _ in range(20):
            subject.advance()
        means.append(subject.model.behaviour.mean(torch.ones(1, 5, 3)))
    torch.testing.assert_close(means[0], means[1])


def test_the_weaker_the_price_the_nearer_the_better_action() -> None:
    """The bandit pays 1 at +0.5 and 0 at -0.5: the mean action is 0. The file acts as the model."""
    actions = []
    for weight in (0.3, 30.0):
        settings = {"steps": 400, "learning_rate": 3.0e-3}
        subject = Trainer("prox", values("prox", settings, transport_weight=weight), bandit(), [0])
        for _ in range(400):
            subject.advance()
        actions.append(subject.model.act(torch.ones(1, 1, 2), "policy").item())
        acted = Policy.from_bytes(subject.policies()[0]).act(np.ones((1, 2)))
        assert (acted.item() + 3) / 4 * 2 - 1 == pytest.approx(actions[-1], abs=1e-5)
    assert actions[0] > 0.4
    assert abs(actions[1]) < 0.1
