"""TD3+BC: losses by hand, smoothing within its clip, the delayed update, a bandit."""

from collections.abc import Callable

import pytest
import torch
from tiny_cells import bandit, random_dataset, values

from qdot.algorithms.base import Batch
from qdot.algorithms.td3_bc import TD3BC
from qdot.training.trainer import Trainer


def trainer(steps: int = 0, **own: object) -> Trainer:
    found = Trainer("td3_bc", values("td3_bc", **own), random_dataset(3, 2), [0, 1])
    for _ in range(steps):
        found.advance()
    return found


def model(steps: int = 0, **own: object) -> TD3BC:
    found = trainer(steps, **own).model
    assert isinstance(found, TD3BC)
    return found


def transitions() -> Batch:
    s, following = torch.randn(2, 64, 3), torch.randn(2, 64, 3)
    return Batch(s, torch.rand(2, 64, 2) * 2 - 1, torch.randn(2, 64), following, (torch.rand(2, 64) < 0.3).float(), s)


def twins(network: Callable[[torch.Tensor], torch.Tensor], s: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
    """Q1 and Q2, (2, seeds, batch), of a seed-major batched network."""
    return torch.stack([network(torch.cat([s, a], -1).repeat_interleave(2, 0))[i::2, :, 0] for i in (0, 1)])


def test_the_q_loss_is_the_clipped_double_target() -> None:
    subject, batch, step = model(steps=5, policy_noise=0.3, noise_clip=0.4), transitions(), 7
    noise = (0.3 * subject.smoothing.normal(64, 2, step)).clamp(-0.4, 0.4)
    following = (torch.tanh(subject.target_policy(batch.next_observations)) + noise).clamp(-1, 1)
    bootstrap = twins(subject.target_q.network, batch.next_observations, following).min(dim=0).values
    target = batch.rewards + 0.99 * torch.where(batch.terminals == 1, torch.tensor(0.0), bootstrap)
    expected = ((twins(subject.q.network, batch.observations, batch.actions) - target.detach()) ** 2).mean(-1).sum(0)
    torch.testing.assert_close(subject.q_loss(batch, step), expected)


def test_the_policy_loss_and_its_gradient_are_those_of_the_equation() -> None:
    subject, batch = model(steps=5, q_gain=1.7), transitions()
    chosen = torch.tanh(subject.policy(batch.observations))
    q = twins(subject.q.network, batch.observations, chosen)[0]
    imitation = torch.stack([torch.nn.functional.mse_loss(chosen[i], batch.actions[i]) for i in (0, 1)])
    expected = -1.7 * q.mean(-1) / q.detach().abs().mean(-1) + imitation
    loss, info = subject.policy_loss(batch)
    torch.testing.assert_close(loss, expected)
    weights = list(subject.policy.parameters())
    ours, plain = (torch.autograd.grad(x.sum(), weights, retain_graph=True) for x in (loss, expected))
    torch.testing.assert_close(ours, plain)
    torch.testing.assert_close(info["q_scale"], 1.7 / q.detach().abs().mean(-1))


def test_the_smoothing_noise_stays_within_its_clip_and_the_box() -> None:
    subject, states = model(policy_noise=0.2, noise_clip=0.25), torch.randn(2, 2048, 3)
    plain = torch.tanh(subject.target_policy(states))
    moved = subject.smoothed_action(states, step=3)
    assert moved.abs().max() <= 1
    inside = (plain.abs() < 0.7).all(dim=-1)
    noise = (moved - plain)[inside].detach()
    assert noise.abs().max() <= 0.25 + 1e-6
    assert (noise.abs() > 0.249).float().mean().item() == pytest.approx(0.211, abs=0.03)  # P(|N| > 1.25)
    assert not torch.equal(moved, subject.smoothed_action(states, step=4))
    assert torch.equal(moved, subject.smoothed_action(states, step=3))


def changed(subject: Trainer) -> set[str]:
    before = {name: tensor.clone() for name, tensor in subject.model.state_dict().items()}
    subject.advance()
    return {name.split(".")[0] for name, tensor in subject.model.state_dict().items() if not tensor.equal(before[name])}


def test_policy_and_targets_move_each_second_step() -> None:
    subject = trainer()
    everything = {"q", "policy", "target_q", "target_policy", "measured"}
    assert [changed(subject) for _ in range(4)] == [everything, {"q"}, everything, {"q"}]


def test_a_step_without_policy_update_reports_the_last_one() -> None:
    subject = trainer(4)
    record = torch.stack(subject.record)  # (steps, terms, seeds)
    columns = [subject.terms.index(name) for name in ("policy_loss", "q_value", "q_scale")]
    assert torch.equal(record[0::2, columns], record[1::2, columns])
    assert not torch.equal(record[0, columns], record[2, columns])


def test_the_targets_take_in_the_new_networks() -> None:
    subject = trainer(2)
    before = {name: tensor.clone() for name, tensor in subject.model.state_dict().items()}
    subject.advance()
    after = subject.model.state_dict()
    for name in before:
        if name.startswith("target_"):
            torch.testing.assert_close(after[name], 0.995 * before[name] + 0.005 * after[name.removeprefix("target_")])


def test_more_weight_on_q_moves_the_policy_to_the_better_action() -> None:
    """The bandit pays 1 at +0.5 and 0 at -0.5: the mean action is 0."""
    actions = []
    for gain in (2.5, 0.01):
        settings = {"steps": 600, "learning_rate": 3.0e-3, "actor_schedule": "constant"}
        subject = Trainer("td3_bc", values("td3_bc", settings, q_gain=gain), bandit(), [0])
        for _ in range(600):
            subject.advance()
        actions.append(subject.model.act(torch.ones(1, 1, 2), "policy").item())
    assert actions[0] > 0.4
    assert abs(actions[1]) < 0.1
