"""The packed Adam against torch's, one parameter at a time."""

import copy

import torch

from qdot.algorithms.networks import MLP
from qdot.algorithms.optimiser import Adam, pack


def networks() -> MLP:
    return MLP([torch.Generator().manual_seed(seed) for seed in (0, 1, 2)], 5, [32, 32], 3)


def test_packing_changes_no_weight_and_shares_the_buffer() -> None:
    network = networks()
    before = copy.deepcopy(network.state_dict())
    flat = pack(network.parameters())
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name])
    flat.zero_()
    assert all((tensor == 0).all() for tensor in network.state_dict().values())


def test_steps_equal_torchs_adam() -> None:
    ours, theirs = networks(), networks()
    packed, plain = Adam([ours], 1e-2), torch.optim.Adam(theirs.parameters(), lr=1e-2)
    inputs = torch.randn(3, 64, 5)
    for step in range(5):
        rate = 1 - step / 5
        losses = {"loss": ours(inputs).square().mean(dim=(1, 2))}
        info = packed.minimise(losses, rate)
        plain.param_groups[0]["lr"] = 1e-2 * rate
        plain.zero_grad()
        loss = theirs(inputs).square().mean(dim=(1, 2))
        loss.sum().backward()
        plain.step()
        torch.testing.assert_close(info["loss"], loss.detach())
        assert not info["loss"].requires_grad
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b)
