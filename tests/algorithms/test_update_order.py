"""The order of one update: which networks are read in which state."""

import itertools
from collections.abc import Callable

import pytest
import torch
from tiny_cells import random_dataset, values
from torch import nn

from qdot.algorithms.base import Algorithm
from qdot.training.trainer import Trainer


def copies(model: Algorithm) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def read_log(model: Algorithm, networks: dict[str, nn.Module], log: list[str]) -> Callable[[], None]:
    """Log each read of a network with how often it had been stepped by then."""
    begun = {name: next(network.parameters()).detach().clone() for name, network in networks.items()}

    def note(name: str) -> Callable[..., None]:
        def hook(*_: object) -> None:
            now = next(networks[name].parameters())
            log.append(f"{name} {'old' if torch.equal(now, begun[name]) else 'new'}")

        return hook

    handles = [network.register_forward_pre_hook(note(name)) for name, network in networks.items()]
    return lambda: [handle.remove() for handle in handles] and None


@pytest.fixture
def log() -> list[str]:
    return []


def trained(algorithm: str) -> Trainer:
    """A trainer some steps in, so that target and online Q differ."""
    trainer = Trainer(algorithm, values(algorithm), random_dataset(), [0, 1])
    for _ in range(3):
        trainer.advance()
    return trainer


def assert_target_tracks_the_new_q(model: Algorithm, before: dict[str, torch.Tensor]) -> None:
    after = model.state_dict()
    for name in before:
        if name.startswith("critic.target."):
            online = name.replace("critic.target.", "critic.q.")
            assert not torch.equal(after[online], before[online])
            torch.testing.assert_close(after[name], 0.995 * before[name] + 0.005 * after[online])


def test_iql_steps_value_policy_q_target(log: list[str]) -> None:
    trainer = trained("iql")
    model = trainer.model
    critic = model.critic
    networks = {"target": critic.target, "value": critic.value, "q": critic.q, "policy": model.policy.network}
    before, stop = copies(model), read_log(model, networks, log)
    trainer.advance()
    stop()
    value, policy, q = ["target old", "value old"], ["value new", "policy old"], ["value new", "q old"]
    assert log == value + policy + q
    assert_target_tracks_the_new_q(model, before)


@pytest.mark.parametrize("name", ["qdot", "no_icnn"])
def test_a_map_is_stepped_between_value_and_q(name: str, log: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = trained(name)
    model = trainer.model
    critic, gradient = model.critic, model.map.gradient
    networks = {"target": critic.target, "value": critic.value, "q": critic.q}
    networks |= {"behaviour": model.behaviour.network, "distilled": model.distilled.network}

    def mapped(states: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        log.append("map")
        rows = trainer.source.minibatches.rows(trainer.step)
        assert torch.equal(actions.flatten(0, 1), trainer.source.tables[1][rows])  # the dataset's actions
        return gradient(states, actions)

    monkeypatch.setattr(model.map, "gradient", mapped)
    before, stop = copies(model), read_log(model, networks, log)
    trainer.advance()
    stop()
    value, q = ["target old", "value old"], ["value new", "q old"]
    assert log == [*value, "map", "q old", "behaviour old", "distilled old", *q]
    assert_target_tracks_the_new_q(model, before)
    after = model.state_dict()
    moved = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert moved == {"critic", "map", "behaviour", "distilled"}


def test_ddpg_bc_steps_value_policy_q_target(log: list[str]) -> None:
    trainer = trained("ddpg_bc")
    model = trainer.model
    critic = model.critic
    networks = {"target": critic.target, "value": critic.value, "q": critic.q, "policy": model.policy}
    before, stop = copies(model), read_log(model, networks, log)
    trainer.advance()
    stop()
    assert log == ["target old", "value old", "policy old", "q old", "value new", "q old"]
    assert_target_tracks_the_new_q(model, before)


def test_prox_steps_value_scale_behaviour_q_target(log: list[str]) -> None:
    trainer = trained("prox")
    model = trainer.model
    critic = model.critic
    networks = {"target": critic.target, "value": critic.value, "q": critic.q, "behaviour": model.behaviour.network}
    before, stop = copies(model), read_log(model, networks, log)
    trainer.advance()
    stop()
    assert log == ["target old", "value old", "q old", "behaviour old", "value new", "q old"]
    assert_target_tracks_the_new_q(model, before)


def test_td3_bc_steps_q_policy_targets(log: list[str]) -> None:
    trainer = trained("td3_bc")
    trainer.advance()  # so that the next step updates the policy
    model = trainer.model
    networks = {"target q": model.target_q, "q": model.q, "target policy": model.target_policy, "policy": model.policy}
    stop = read_log(model, networks, log)
    trainer.advance()
    stop()
    assert log == ["target policy old", "target q old", "q old", "policy old", "q new"]


def test_adversarial_steps_value_discriminator_policy_q_target(log: list[str]) -> None:
    trainer = trained("adversarial")
    model = trainer.model
    critic = model.critic
    networks = {"target": critic.target, "value": critic.value, "q": critic.q}
    networks |= {"policy": model.policy.network, "g": model.discriminator.network}
    before, stop = copies(model), read_log(model, networks, log)
    trainer.advance()
    stop()
    value, q = ["target old", "value old"], ["value new", "q old"]
    policy = ["policy old"]  # one mean for all draws
    assert log == [*value, *policy, *["g old"] * 2, "q old", *["g new"] * 2, *q]
    assert_target_tracks_the_new_q(model, before)


@pytest.mark.parametrize("dual", ["w1", "w2"])
def test_adversarial_map_steps_value_dual_map_q_target(
    dual: str, log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = Trainer("adversarial_map", values("adversarial_map", dual=dual), random_dataset(), [0, 1])
    model = trainer.model
    critic, gradient = model.critic, model.map.gradient
    networks = {"target": critic.target, "value": critic.value, "q": critic.q, "dual": model.discriminator.network}
    networks |= {"distilled": model.distilled.network}
    monkeypatch.setattr(model.map, "gradient", lambda *at: log.append("map") or gradient(*at))
    before, stop = copies(model), read_log(model, networks, log)
    trainer.advance()
    stop()
    adversary = ["dual old", "dual new"]  # two steps, the second from the first's weights
    value, q = ["target old", "value old"], ["value new", "q old"]
    once = [entry for entry, _ in itertools.groupby(log)]  # a dual may read its network twice in a row
    assert once == [*value, "map", *adversary, "q old", "dual new", "distilled old", *q]
    assert_target_tracks_the_new_q(model, before)
    after = model.state_dict()
    moved = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert moved == {"critic", "map", "behaviour", "distilled", "discriminator"}
