"""What all policies share that push the behaviour policy through a map, and each alternative of its values."""

from typing import Any

import pytest
import torch
from quadratic_q import linearised_q, proximal_map
from tiny_cells import random_dataset, values
from torch import Tensor

from qdot.algorithms.base import Batch
from qdot.algorithms.critic import pairs
from qdot.algorithms.maps import RUNGS
from qdot.algorithms.pushforward import PushForward
from qdot.errors import ParamsError
from qdot.training.trainer import Trainer


def trainer(name: str = "qdot", train: dict[str, Any] | None = None, **own: Any) -> Trainer:
    return Trainer(name, values(name, train, **own), random_dataset(3, 2), [0, 1])


def model(name: str = "qdot", train: dict[str, Any] | None = None, **own: Any) -> PushForward:
    found = trainer(name, train, **own).model
    assert isinstance(found, PushForward)
    return found


def transitions() -> Batch:
    s, zero = torch.randn(2, 64, 3), torch.zeros(2, 64)
    held_out = (torch.arange(64) % 4 == 0).float().expand(2, -1)
    return Batch(s, torch.rand(2, 64, 2) * 2 - 1, zero, s, zero, held_out)


@pytest.mark.parametrize("name", ["qdot", "no_icnn", "adversarial_map"])
@pytest.mark.parametrize("behaviour", ["gaussian", "mixture"])
def test_the_policy_starts_as_the_behaviour_policy(name: str, behaviour: str) -> None:
    subject, s = model(name, behaviour=behaviour), torch.randn(2, 5, 3)
    torch.testing.assert_close(subject.act(s, "map"), subject.behaviour.mean(s))
    noise = torch.randn(2, 5, *subject.noise_shape("map_sample"))
    torch.testing.assert_close(subject.act(s, "map_sample", noise), subject.behaviour.sample(s, noise)[:, :, 0])


@pytest.mark.parametrize("behaviour", ["gaussian", "mixture"])
def test_held_out_rows_do_not_reach_the_behaviour_model(behaviour: str) -> None:
    batch = transitions()
    other = torch.where(batch.held_out.bool().unsqueeze(-1), -batch.actions, batch.actions)
    changed = batch._replace(actions=other)
    kept = model(behaviour=behaviour)
    torch.testing.assert_close(kept.behaviour_loss(batch, 0), kept.behaviour_loss(changed, 0), rtol=0, atol=0)
    seen = 1 - batch.held_out
    likelihood = kept.behaviour.log_likelihood(batch.observations, batch.actions)
    torch.testing.assert_close(kept.behaviour_loss(batch, 0), -(likelihood * seen).sum(-1) / 48)
    every = model(behaviour=behaviour, behaviour_holdout=False)
    torch.testing.assert_close(every.behaviour_loss(batch, 0), -likelihood.mean(-1))
    assert (every.behaviour_loss(batch, 0) != every.behaviour_loss(changed, 0)).all()


def test_a_batch_of_held_out_rows_alone_trains_nothing() -> None:
    batch = transitions()
    assert (model().behaviour_loss(batch._replace(held_out=torch.ones(2, 64)), 0) == 0).all()


def test_samples_of_the_behaviour_model_stand_in_for_the_datas_actions() -> None:
    batch, subject = transitions(), model(map_actions="behaviour")
    first, again, later = (subject.map_inputs(batch, step) for step in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, later)
    spread = (later - subject.behaviour.mean(batch.observations)).std().item()
    assert 0.3 < spread < 1.0  # sigma is 1 at first, and samples stay in the box
    assert torch.equal(model().map_inputs(batch, 3), batch.actions)
    _, info = subject.map_loss(batch, first, 0.5 * first, 3)
    torch.testing.assert_close(info["transport_cost"], (0.25 * first.square()).sum(-1).mean(-1))


def test_the_map_climbs_the_critic_that_is_named() -> None:
    run, batch = trainer(map_critic="target"), transitions()
    for _ in range(3):
        run.advance()
    subject = run.model
    _, info = subject.map_loss(batch, batch.actions, 0.5 * batch.actions, 3)
    inputs = pairs(batch.observations, 0.5 * batch.actions)
    slow, online = (q(inputs).amin(dim=1).mean(dim=-1) for q in (subject.critic.target, subject.critic.q))
    torch.testing.assert_close(info["q_value"], slow.detach())
    assert not torch.allclose(slow, online)


def test_the_cost_by_distance_is_the_mean_length_of_the_move() -> None:
    batch = transitions()
    moved = batch.actions + torch.tensor([0.3, 0.4])
    squared, distance = (
        model(cost=cost).distance(batch.observations, batch.actions, moved, 0) for cost in ("squared", "distance")
    )
    torch.testing.assert_close(squared, torch.full((2,), 0.25))
    torch.testing.assert_close(distance, torch.full((2,), 0.5))
    torch.testing.assert_close(model(cost="distance").distance(moved, moved, moved, 0), torch.zeros(2))


@pytest.mark.parametrize(("rate", "expected"), [(None, 3.0e-4), (2.0e-3, 2.0e-3)])
def test_the_map_has_a_learning_rate_of_its_own(rate: float | None, expected: float) -> None:
    """Adam's first step is the learning rate, whatever the gradient."""
    run = trainer("no_icnn", {"actor_schedule": "constant"}, map_learning_rate=rate)
    before = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
    run.advance()

    def step(name: str) -> float:
        return (run.model.state_dict()[name] - before[name]).abs().max().item()

    assert step("map.output.weight") == pytest.approx(expected, rel=1e-3)
    assert step("distilled.network.output.weight") == pytest.approx(3.0e-4, rel=1e-3)


def test_the_distilled_policy_fits_the_map_clipped_or_not() -> None:
    batch = transitions()
    moved = 3 * batch.actions
    for choice, target in (("clipped", moved.clamp(-1, 1)), ("unclipped", moved)):
        subject = model(distill_target=choice)
        expected = -subject.distilled.log_likelihood(batch.observations, target).mean(-1)
        torch.testing.assert_close(subject.distill_loss(batch, moved, 0), expected)


def test_layers_of_v_are_normalised_where_asked() -> None:
    """Then V does not see the scale of a hidden layer without bias."""
    for norm in (False, True):
        subject, s = model(train={"value_layer_norm": norm}), torch.randn(2, 64, 3)
        before = subject.critic.v(s)
        with torch.no_grad():
            subject.critic.value.hidden[0].weight.mul_(5)
        assert torch.allclose(before, subject.critic.v(s), rtol=1e-3, atol=1e-4) == norm
        assert len(subject.critic.q.network.norms) == 0


def test_the_convex_rung_of_the_ablation_is_qdot_to_the_bit() -> None:
    runs = [trainer("qdot"), trainer("no_icnn", rung="icnn")]
    for run in runs:
        for _ in range(5):
            run.advance()
    one, other = (run.model.state_dict() for run in runs)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("rung", RUNGS)
def test_every_rung_finds_the_proximal_map_of_a_quadratic_q(rung: str, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = model("no_icnn", rung=rung, q_scale="one", transport_weight=0.8, map_learning_rate=1.0e-2)
    monkeypatch.setattr(subject.critic, "linearised_q", linearised_q)
    generator = torch.Generator().manual_seed(0)

    def draw(rows: int) -> tuple[Tensor, Tensor]:
        s = torch.randn(2, rows, 3, generator=generator)
        return s, torch.rand(2, rows, 2, generator=generator) * 2 - 1

    for step in range(250):
        s, a = draw(64)
        loss, _ = subject.map_loss(transitions()._replace(observations=s), a, subject.map.gradient(s, a), step)
        subject.optimisers["map"].minimise({"loss": loss}, 1 - step / 250)
    s, a = draw(512)
    error = subject.transport(s, a) - torch.stack([proximal_map(actions, 0.8) for actions in a])
    assert error.square().mean().sqrt().item() < 0.02


@pytest.mark.parametrize(
    ("key", "name"),
    [
        *[(key, "qdot") for key in ("cost", "map_critic", "map_actions", "icnn_form", "icnn_weights", "behaviour")],
        *[("distill_target", "qdot"), ("rung", "no_icnn"), ("dual", "adversarial_map")],
    ],
)
def test_an_unknown_word_is_refused_by_name(key: str, name: str) -> None:
    with pytest.raises(ParamsError, match=f"{key}: found 'nonsense', expected one of"):
        model(name, **{key: "nonsense"})


def test_the_duals_of_the_adversarial_map_take_their_samples_as_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    """W1 compares the data's actions with their images; W2 needs sources that are independent of those images."""
    batch, seen = transitions(), []

    def spy(observations: Tensor, sources: Tensor, images: Tensor) -> Tensor:
        seen.append(sources)
        return torch.zeros(2)

    for dual in ("w1", "w2"):
        subject = model("adversarial_map", dual=dual)
        monkeypatch.setattr(subject.discriminator, "dual", spy)
        for step in (0, 1):
            subject.distance(batch.observations, batch.actions, batch.actions, step)
    assert torch.equal(seen[0], batch.actions)
    assert torch.equal(seen[1], batch.actions)
    for drawn in seen[2:]:
        correlation = torch.corrcoef(torch.stack([drawn.flatten(), batch.actions.flatten()]))[0, 1]
        assert abs(correlation.item()) < 0.25
    assert not torch.equal(seen[2], seen[3])
