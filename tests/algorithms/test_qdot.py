"""Q-DOT: loss by hand, lambda, readouts, and the displacement that its loss implies."""

import numpy as np
import pytest
import torch
from tiny_cells import dataset, random_dataset, values
from torch import Tensor

from qdot.algorithms.base import Batch
from qdot.algorithms.pushforward import quantiles
from qdot.algorithms.qdot import QDOT
from qdot.training.trainer import Trainer


def model(seeds: int = 2, **own: object) -> QDOT:
    found = Trainer("qdot", values("qdot", **own), random_dataset(3, 2), list(range(seeds))).model
    assert isinstance(found, QDOT)
    return found


def transitions() -> Batch:
    s, zero = torch.randn(2, 64, 3), torch.zeros(2, 64)
    return Batch(s, torch.rand(2, 64, 2) * 2 - 1, zero, s, zero, zero)


@pytest.mark.parametrize("q_scale", ["one", "mean_q", "gradient_norm"])
@pytest.mark.parametrize("twin_q", ["min", "mean"])
def test_the_transport_loss_and_its_gradient_are_those_of_the_equation(q_scale: str, twin_q: str) -> None:
    subject, batch = model(q_scale=q_scale, twin_q=twin_q, transport_weight=0.7), transitions()
    moved = (1.3 * batch.actions + 0.1).requires_grad_()  # leaves the box here and there
    loss, info = subject.map_loss(batch, batch.actions, moved, step=0)
    clipped = moved.clamp(-1, 1)
    inputs = torch.cat([batch.observations, clipped], dim=-1)
    twins = torch.stack([subject.critic.q.network(inputs.repeat_interleave(2, 0))[i::2, :, 0] for i in (0, 1)])
    q = twins.min(dim=0).values if twin_q == "min" else twins.mean(dim=0)
    (slope,) = torch.autograd.grad(q.sum(), clipped, retain_graph=True)
    sizes = {"one": torch.ones(2), "mean_q": q.abs().mean(1), "gradient_norm": slope.norm(dim=-1).mean(1)}
    cost = ((moved - batch.actions) ** 2).sum(-1).mean(-1)
    expected = -q.mean(-1) / sizes[q_scale].detach() + 0.7 * cost
    torch.testing.assert_close(loss, expected)
    ours, plain = (torch.autograd.grad(x.sum(), moved, retain_graph=True)[0] for x in (loss, expected))
    torch.testing.assert_close(ours, plain)
    torch.testing.assert_close(info["transport_cost"], cost.detach())
    share = (moved.abs() > 1).any(dim=-1).float().mean(dim=-1)
    torch.testing.assert_close(info["clipped_share"], share)
    assert share.max() > 0


def test_quantiles_are_those_of_the_sorted_row() -> None:
    found = quantiles(torch.arange(101.0).flip(0).expand(2, -1))
    assert {name: value.tolist() for name, value in found.items()} == {
        "displacement_q10": [10, 10],
        "displacement_q50": [50, 50],
        "displacement_q90": [90, 90],
    }


def test_the_map_starts_at_the_identity() -> None:
    subject, batch = model(), transitions()
    torch.testing.assert_close(subject.transport(batch.observations, batch.actions), batch.actions)
    mean = subject.behaviour.mean(batch.observations)
    torch.testing.assert_close(subject.act(batch.observations, "map"), mean)


@pytest.mark.parametrize("mapped", [True, False])
def test_best_of_n_acts_the_candidate_with_the_highest_q(mapped: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    subject, s = model(), torch.randn(2, 5, 3)
    monkeypatch.setattr(subject, "transport", lambda states, actions: 0.5 * actions)
    readout = "best_of_n" if mapped else "best_of_n_without_map"
    assert subject.noise_shape(readout) == (8, 2)
    noise = torch.randn(2, 5, 8, 2)
    chosen = subject.act(s, readout, noise)
    for seed in range(2):
        for row in range(5):
            samples = subject.behaviour.mean(s)[seed, row] + subject.behaviour.std()[seed] * noise[seed, row]
            candidates: Tensor = samples.clamp(-1, 1) * (0.5 if mapped else 1.0)
            inputs = torch.cat([s[seed, row].expand(8, -1), candidates], dim=-1).expand(4, -1, -1)
            q = subject.critic.q.network(inputs)[2 * seed : 2 * seed + 2, :, 0].min(dim=0).values
            torch.testing.assert_close(chosen[seed, row], candidates[q.argmax()])


def test_a_sampling_readout_without_noise_is_refused() -> None:
    with pytest.raises(ValueError, match="needs noise"):
        model().act(torch.randn(2, 5, 3), "best_of_n")


def test_displacement_is_one_over_two_alpha_on_a_linear_reward() -> None:
    """With lambda = 1 / E||grad Q||, the loss's optimum is T(s, a) = a + g / (2 alpha ||g||) (paper.md section 6)."""
    draw = np.random.default_rng(0)
    actions = draw.uniform(-0.5, 0.5, (2000, 2))
    linear = dataset(draw.standard_normal((2000, 2)), actions, actions @ [0.6, 0.8])
    settings = {"steps": 900, "learning_rate": 3.0e-3, "log_every": 100, "actor_schedule": "cosine"}
    trainer = Trainer("qdot", values("qdot", settings, transport_weight=2.0), linear, [0])
    for _ in range(900):
        trainer.advance()
    a, s = torch.zeros(1, 1, 2), torch.zeros(1, 1, 2)
    displacement = trainer.model.transport(s, a)[0, 0].detach()
    torch.testing.assert_close(displacement, torch.tensor([0.6, 0.8]) / 4, atol=0.05, rtol=0)
    info = trainer.model.update(Batch(*(t[:64].unsqueeze(0) for t in trainer.source.tables)), 899)
    assert info["displacement_q50"].item() == pytest.approx(0.25, abs=0.05)
