"""Batched layers against one member at a time."""

import pytest
import torch

from qdot.algorithms.networks import MLP, BatchedLinear, Dropout, factors_in, product


def generators(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def test_a_layer_is_each_members_own_affine_map() -> None:
    layer = BatchedLinear(generators(0, 1, 2), 5, 32)
    with torch.no_grad():
        layer.bias.normal_()
    inputs = torch.randn(3, 64, 5)
    for member in range(3):
        alone = torch.nn.functional.linear(inputs[member], layer.weight[member].T, layer.bias[member, 0])
        torch.testing.assert_close(layer(inputs)[member], alone)


def test_a_members_weights_depend_on_its_generator_alone() -> None:
    together, alone = MLP(generators(4, 9), 3, [32], 2), MLP(generators(9), 3, [32], 2)
    for a, b in zip(together.parameters(), alone.parameters(), strict=True):
        assert torch.equal(a[1:], b)
    assert not torch.equal(together.hidden[0].weight[0], together.hidden[0].weight[1])


def test_weights_start_orthogonal_with_gain_root_two() -> None:
    weight = BatchedLinear(generators(0), 16, 64).weight[0]
    torch.testing.assert_close(weight @ weight.T, 2 * torch.eye(16), atol=1e-5, rtol=0)


@pytest.mark.parametrize("width", [1, 3, 16, 40])
@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize("depth", [1, 7])
def test_a_padded_product_is_the_product(width: int, members: int, depth: int) -> None:
    left = torch.randn(members, 64, depth, dtype=torch.float64, requires_grad=True)
    right = torch.randn(members, depth, width, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(members, 1, width, dtype=torch.float64, requires_grad=True)
    ours, plain = product(left, right, bias), left @ right + bias
    torch.testing.assert_close(ours, plain)
    weight = torch.randn_like(plain)
    inputs = (left, right, bias)
    for a, b in zip(
        torch.autograd.grad((weight * ours).sum(), inputs),
        torch.autograd.grad((weight * plain).sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def test_a_perceptron_is_its_layers_in_turn() -> None:
    network = MLP(generators(1), 4, [32, 64], 2)
    x = inputs = torch.randn(1, 8, 4)
    for layer in network.hidden:
        x = (x @ layer.weight + layer.bias).clamp(min=0)
    torch.testing.assert_close(network(inputs), x @ network.output.weight + network.output.bias)


def test_dropout_keeps_the_mean_and_drops_its_rate() -> None:
    dropout = Dropout(generators(0, 1), 0.1)
    ones = torch.ones(2, 256, 256)
    dropped = torch.stack([dropout(ones, step) for step in range(8)])
    share = (dropped == 0).double().mean(dim=(0, 2, 3))
    spread = 5 * (0.1 * 0.9 / (8 * 256 * 256)) ** 0.5  # five standard errors
    assert ((share - 0.1).abs() < spread).all()
    assert set(dropped.unique().tolist()) == {0.0, torch.tensor(1 / 0.9).item()}


def test_dropout_masks_are_unrelated_across_steps_members_and_layers() -> None:
    draws = generators(0, 1)
    first, second = Dropout(draws, 0.5), Dropout(draws, 0.5)
    ones = torch.ones(2, 64, 64)
    masks = [first(ones, 0)[0], first(ones, 1)[0], first(ones, 2)[0], first(ones, 0)[1], second(ones, 0)[0]]
    flat = torch.stack([mask.flatten() for mask in masks])
    correlation = torch.corrcoef(flat) - torch.eye(len(masks))
    assert correlation.abs().max() < 5 / 64  # five standard errors of 4,096 coins
    rows = torch.corrcoef(masks[0])  # units of the same row, and of different rows
    assert (rows - torch.eye(64)).abs().mean() < 2 / 8


def test_dropout_is_off_when_acting() -> None:
    network = MLP(generators(0), 3, [32], 2, dropout=0.5)
    inputs = torch.randn(1, 64, 3)
    assert torch.equal(network(inputs), network(inputs))
    assert not torch.equal(network(inputs), network(inputs, 0))
    assert torch.equal(network(inputs, 5), network(inputs, 5))


@pytest.mark.parametrize("shapes", [((3, 64, 5), (3, 5, 32)), ((2, 32, 32), (2, 32, 3)), ((2, 32, 1), (2, 1, 4))])
def test_factors_are_rounded_where_that_is_asked_for(shapes: tuple[tuple[int, ...], ...]) -> None:
    left, right = (torch.randn(shape, requires_grad=True) for shape in shapes)
    bias = torch.randn(shapes[0][0], 1, shapes[1][2])
    exact = product(left, right, bias)
    with factors_in("bfloat16"):
        rounded = product(left, right, bias)
        gradient = torch.autograd.grad(rounded.sum(), [left, right])
    assert rounded.dtype == torch.float32
    expected = left.bfloat16().float() @ right.bfloat16().float()  # the sum is rounded once more
    torch.testing.assert_close(rounded - bias, expected, rtol=2**-7, atol=2**-7)
    assert not torch.equal(rounded, exact)
    assert [each.dtype for each in gradient] == [torch.float32] * 2
    assert torch.equal(product(left, right, bias), exact)  # the context is over
