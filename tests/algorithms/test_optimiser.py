"""The packed Adam against torch's, one parameter at a time."""

import copy
from contextlib import nullcontext

import pytest
import torch

from qdot.algorithms.networks import MLP
from qdot.algorithms.optimiser import Adam, Packed


def networks() -> MLP:
    return MLP([torch.Generator().manual_seed(seed) for seed in (0, 1, 2)], 5, [32, 32], 3)


def test_packing_changes_no_weight_and_shares_the_buffer() -> None:
    network = networks()
    before = copy.deepcopy(network.state_dict())
    flat = Packed([network]).flat
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name])
    flat.zero_()
    assert all((tensor == 0).all() for tensor in network.state_dict().values())


@pytest.mark.parametrize("traced", [False, True], ids=["fused", "plain"])
def test_steps_equal_torchs_adam(traced: bool) -> None:
    ours, theirs = networks(), networks()
    packed, plain = Adam([ours], 1e-2), torch.optim.Adam(theirs.parameters(), lr=1e-2)
    inputs = torch.randn(3, 64, 5)
    for step in range(5):
        rate = 1 - step / 5
        with packed.holding(packed.weights.flat, packed.moments) if traced else nullcontext():
            losses = {"loss": ours(inputs).square().mean(dim=(1, 2))}
            info = packed.minimise(losses, torch.tensor(rate) if traced else rate)
        plain.param_groups[0]["lr"] = 1e-2 * rate
        plain.zero_grad()
        loss = theirs(inputs).square().mean(dim=(1, 2))
        loss.sum().backward()
        plain.step()
        torch.testing.assert_close(info["loss"], loss.detach())
        assert not info["loss"].requires_grad
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_what_stands_in_for_the_weights_is_read_and_stepped_in_their_place() -> None:
    network, inputs = networks(), torch.randn(3, 64, 5)
    adam = Adam([network], 1e-2)
    before, parameters = copy.deepcopy(network.state_dict()), list(network.parameters())
    other = torch.zeros_like(adam.weights.flat)
    moments = {name: torch.zeros_like(moment) for name, moment in adam.moments.items()}
    with adam.holding(other, moments):
        assert (network(inputs) == 0).all()
        adam.minimise({"loss": (network(inputs) - 1).square().mean(dim=(1, 2))})
        assert (network(inputs) != 0).all()
    assert other.count_nonzero() == 3 * 3  # the last biases: everything else is multiplied by a zero
    assert moments["step"] == 1
    assert adam.moments["step"] == 0
    assert all(a is b for a, b in zip(network.parameters(), parameters, strict=True))
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name])
