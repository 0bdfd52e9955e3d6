"""The adversarial baseline: its loss by hand, its noise, the balance of a linear Q and W1, a bandit."""

import numpy as np
import pytest
import torch
from tiny_cells import bandit, dataset, random_dataset, values
from torch import Tensor

from qdot.algorithms.adversarial import Adversarial
from qdot.algorithms.base import Batch
from qdot.training.trainer import Trainer


def model(seeds: int = 2, **own: object) -> Adversarial:
    found = Trainer("adversarial", values("adversarial", **own), random_dataset(3, 2), list(range(seeds))).model
    assert isinstance(found, Adversarial)
    return found


def transitions() -> Batch:
    s, zero = torch.randn(2, 64, 3), torch.zeros(2, 64)
    return Batch(s, torch.rand(2, 64, 2) * 2 - 1, zero, s, zero, zero)


@pytest.mark.parametrize("q_scale", ["one", "mean_q", "gradient_norm"])
@pytest.mark.parametrize("twin_q", ["min", "mean"])
def test_the_policy_loss_and_its_gradient_are_those_of_the_equation(q_scale: str, twin_q: str) -> None:
    subject, batch, turn = model(q_scale=q_scale, twin_q=twin_q, transport_weight=0.7), transitions(), 5
    s = batch.observations
    chosen = torch.tanh(subject.policy.network(s)) + subject.policy.log_std.exp() * subject.samples.normal(64, 2, turn)
    clipped = chosen.clamp(-1, 1)
    inputs = torch.cat([s, clipped], dim=-1).repeat_interleave(2, 0)
    twins = torch.stack([subject.critic.q.network(inputs)[i::2, :, 0] for i in (0, 1)])
    q = twins.min(dim=0).values if twin_q == "min" else twins.mean(dim=0)
    (slope,) = torch.autograd.grad(q.sum(), clipped, retain_graph=True)
    size = {"one": torch.ones(2), "mean_q": q.abs().mean(1), "gradient_norm": slope.norm(dim=-1).mean(1)}[q_scale]
    distance = (subject.discriminator(s, batch.actions) - subject.discriminator(s, chosen)).mean(-1)
    expected = -q.mean(-1) / size.detach() + 0.7 * distance
    drawn = subject.draw(subject.policy.mean(s, 0), turn)
    torch.testing.assert_close(drawn, chosen)
    loss, info = subject.policy_loss(batch, drawn)
    torch.testing.assert_close(loss, expected)
    weights = list(subject.policy.parameters())
    ours, plain = (torch.autograd.grad(x.sum(), weights, retain_graph=True) for x in (loss, expected))
    torch.testing.assert_close(ours, plain)
    share = (chosen.abs() > 1).any(dim=-1).float().mean(dim=-1)
    torch.testing.assert_close(info["clipped_share"], share)
    assert share.min() > 0


def test_every_step_of_the_discriminator_and_the_policy_has_noise_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    subject, turns = model(discriminator_steps=2), []
    plain = subject.samples.normal

    def noted(rows: int, width: int, turn: int) -> Tensor:
        turns.append(turn)
        return plain(rows, width, turn)

    monkeypatch.setattr(subject.samples, "normal", noted)
    for step in range(3):
        info = subject.update(transitions(), step)
    assert turns == list(range(9))
    assert {"discriminator_loss", "discriminator_gradient", "w1_estimate"} <= set(info)


@pytest.mark.parametrize(("weight", "stays"), [(2.0, True), (0.5, False)])
def test_a_linear_q_moves_the_policy_only_if_its_slope_beats_the_price(
    weight: float, stays: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W1 of a shift by d is d, so a Q of slope 1 is worth a shift if alpha < 1, whatever its length."""
    draw = np.random.default_rng(0)
    data = dataset(np.ones((1024, 1)), 0.2 * draw.standard_normal((1024, 1)), np.zeros(1024))
    settings = {"steps": 900, "learning_rate": 3.0e-3, "actor_schedule": "cosine"}
    own = {"q_scale": "one", "transport_weight": weight, "discriminator_learning_rate": 3.0e-3}
    trainer = Trainer("adversarial", values("adversarial", settings, **own), data, [0])
    model = trainer.model

    def linear(observations: Tensor, actions: Tensor, twin: str) -> tuple[Tensor, Tensor]:
        return actions.sum(-1), torch.ones_like(actions)

    monkeypatch.setattr(model.critic, "linearised_q", linear)
    for _ in range(900):
        trainer.advance()
    action = model.act(torch.ones(1, 1, 1), "policy").item()
    if stays:
        assert abs(action) < 0.15
        assert 0.1 < model.policy.std().item() < 0.5  # from 1 towards the 0.2 of the data
    else:
        assert action > 0.8


def test_the_weaker_the_price_the_nearer_the_better_action() -> None:
    """The bandit pays 1 at +0.5 and 0 at -0.5: the mean action is 0."""
    actions = []
    for weight in (0.5, 8.0):
        settings = {"steps": 500, "learning_rate": 3.0e-3}
        own = {"transport_weight": weight, "discriminator_learning_rate": 3.0e-3}
        trainer = Trainer("adversarial", values("adversarial", settings, **own), bandit(), [0])
        for _ in range(500):
            trainer.advance()
        actions.append(trainer.model.act(torch.ones(1, 1, 2), "policy").item())
    assert actions[0] > 0.4
    assert abs(actions[1]) < 0.25
