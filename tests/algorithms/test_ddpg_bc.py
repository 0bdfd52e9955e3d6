"""DDPG+BC: its loss by hand, lambda, the proximal map of a quadratic Q, a bandit."""

import pytest
import quadratic_q
import torch
from tiny_cells import bandit, random_dataset, values

from qdot.algorithms.base import Batch
from qdot.algorithms.ddpg_bc import DDPGBC
from qdot.errors import ParamsError
from qdot.training.trainer import Trainer


def model(seeds: int = 2, train: dict[str, object] | None = None, **own: object) -> DDPGBC:
    found = Trainer("ddpg_bc", values("ddpg_bc", train, **own), random_dataset(3, 2), list(range(seeds))).model
    assert isinstance(found, DDPGBC)
    return found


@pytest.mark.parametrize("q_scale", ["one", "mean_q", "gradient_norm"])
@pytest.mark.parametrize("twin_q", ["min", "mean"])
def test_the_policy_loss_and_its_gradient_are_those_of_the_equation(q_scale: str, twin_q: str) -> None:
    subject = model(q_scale=q_scale, twin_q=twin_q, transport_weight=0.7)
    s, a, zero = torch.randn(2, 64, 3), torch.rand(2, 64, 2) * 2 - 1, torch.zeros(2, 64)
    loss, info = subject.policy_loss(Batch(s, a, zero, s, zero, zero), step=0)
    chosen = torch.tanh(subject.policy(s))
    inputs = torch.cat([s, chosen], dim=-1).repeat_interleave(2, 0)
    twins = torch.stack([subject.critic.q.network(inputs)[i::2, :, 0] for i in (0, 1)])
    q = twins.min(dim=0).values if twin_q == "min" else twins.mean(dim=0)
    (slope,) = torch.autograd.grad(q.sum(), chosen, retain_graph=True)
    size = {"one": torch.ones(2), "mean_q": q.abs().mean(1), "gradient_norm": slope.norm(dim=-1).mean(1)}[q_scale]
    cost = ((chosen - a) ** 2).sum(-1).mean(-1)
    expected = -q.mean(-1) / size.detach() + 0.7 * cost
    torch.testing.assert_close(loss, expected)
    weights = list(subject.policy.parameters())
    ours, plain = (torch.autograd.grad(x.sum(), weights, retain_graph=True) for x in (loss, expected))
    torch.testing.assert_close(ours, plain)
    torch.testing.assert_close(info["transport_cost"], cost.detach())
    torch.testing.assert_close(info["q_scale"], 1 / size.detach())


@pytest.mark.parametrize("weight", [0.3, 1.5])
def test_on_a_quadratic_q_the_policy_is_the_proximal_map_of_the_mean_action(
    weight: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = model(1, {"learning_rate": 3.0e-3, "steps": 800}, q_scale="one", transport_weight=weight)
    monkeypatch.setattr(subject.critic, "linearised_q", quadratic_q.linearised_q)
    s, zero = torch.ones(1, 256, 3), torch.zeros(1, 256)
    actions = 0.2 * torch.randn(1, 256, 2) + torch.tensor([-0.2, 0.3])
    for step in range(800):
        loss, _ = subject.policy_loss(Batch(s, actions, zero, s, zero, zero), step)
        subject.optimisers["policy"].minimise({"policy_loss": loss}, subject.actor_rate(step))
    found = subject.act(s[:, :1], "policy")[0].detach()
    torch.testing.assert_close(
        found, quadratic_q.proximal_map(actions[0].mean(0, keepdim=True), weight), atol=0.01, rtol=0
    )


def test_the_weaker_the_price_the_nearer_the_better_action() -> None:
    """The bandit pays 1 at +0.5 and 0 at -0.5: the mean action is 0."""
    actions = []
    for weight in (0.3, 30.0):
        settings = {"steps": 400, "learning_rate": 3.0e-3}
        trainer = Trainer("ddpg_bc", values("ddpg_bc", settings, transport_weight=weight), bandit(), [0])
        for _ in range(400):
            trainer.advance()
        actions.append(trainer.model.act(torch.ones(1, 1, 2), "policy").item())
    assert actions[0] > 0.4
    assert abs(actions[1]) < 0.1


@pytest.mark.parametrize(("key", "found"), [("q_scale", "two"), ("twin_q", "max")])
def test_an_unknown_word_is_refused(key: str, found: str) -> None:
    with pytest.raises(ParamsError, match=f"{key}: found '{found}', expected one of"):
        model(**{key: found})
