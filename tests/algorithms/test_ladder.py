"""The rungs: equal size, start at the identity, and which of them are gradients."""

from typing import Any

import pytest
import torch
from tiny_cells import OWN, TRAIN
from torch import Tensor

from qdot.algorithms.diagnostics import asymmetry, jacobians
from qdot.algorithms.ladder import Map, MapConfig, build_map, free_parameters, matched_hidden, parameters
from qdot.algorithms.maps import RUNGS, FreePotentialMap
from qdot.algorithms.no_icnn import NoICNNConfig
from qdot.errors import ParamsError


def config(**changes: Any) -> MapConfig:
    return NoICNNConfig.from_values(TRAIN, OWN["no_icnn"] | changes)


def build(rung: str, state_dim: int = 4, action_dim: int = 3, seeds: int = 2, **changes: Any) -> Map:
    generators = [torch.Generator().manual_seed(seed) for seed in range(seeds)]
    return build_map(rung, config(**changes), generators, state_dim, action_dim)


def randomised(network: Map) -> Map:
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.5 * torch.randn(parameter.shape, generator=generator))
    return network.double()


def points(state_dim: int = 4, action_dim: int = 3) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(7)
    states = torch.randn(2, 32, state_dim, generator=generator, dtype=torch.float64)
    return states, torch.randn(2, 32, action_dim, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize(("state_dim", "action_dim"), [(3, 1), (4, 2), (11, 3), (17, 6), (29, 8), (60, 9)])
@pytest.mark.parametrize("hidden", [[64, 64], [128, 128, 128], [256, 256]])
def test_a_free_map_has_as_many_parameters_as_the_convex_one(
    state_dim: int, action_dim: int, hidden: list[int]
) -> None:
    convex = parameters(build("icnn", state_dim, action_dim, seeds=1, icnn_hidden=hidden))
    for rung in ("shift", "affine", "potential"):
        widths = matched_hidden(rung, state_dim, action_dim, len(hidden), convex)
        count = free_parameters(rung, state_dim, action_dim, widths)
        assert abs(count / convex - 1) <= 0.1, (rung, widths, count, convex)
        assert all(width % 32 == 0 for width in widths)
        assert len(widths) == len(hidden)


@pytest.mark.parametrize("form", ["partial", "joint"])
@pytest.mark.parametrize("rung", ["shift", "affine", "potential"])
def test_the_map_that_is_built_has_that_many(rung: str, form: str) -> None:
    hidden = [64, 64] if form == "partial" else [128, 128]
    convex = parameters(build("icnn", icnn_form=form, icnn_hidden=hidden))
    assert abs(parameters(build(rung, icnn_form=form, icnn_hidden=hidden)) / convex - 1) <= 0.1


def test_where_no_width_gives_that_size_the_layers_are_named() -> None:
    with pytest.raises(ParamsError, match=r"icnn_hidden: no free map of 2 layers.*\b40\b"):
        matched_hidden("affine", 3, 1, 2, target=40)


@pytest.mark.parametrize("rung", RUNGS)
def test_every_rung_starts_at_the_identity(rung: str) -> None:
    states, actions = points()
    moved = build(rung).double().gradient(states, actions)
    torch.testing.assert_close(moved, actions, rtol=3e-7, atol=3e-7)


@pytest.mark.parametrize(("rung", "form"), [(rung, "partial") for rung in RUNGS] + [("icnn", "joint")])
def test_the_jacobian_is_symmetric_exactly_for_the_gradients(rung: str, form: str) -> None:
    asymmetric = asymmetry(jacobians(randomised(build(rung, icnn_form=form)).gradient, *points())[1])
    if rung in ("potential", "icnn"):
        assert (asymmetric < 1e-9).all()
    else:
        assert (asymmetric > 0.1).all()


def test_a_free_potential_is_not_convex() -> None:
    jacobian = jacobians(randomised(build("potential")).gradient, *points())[1]
    assert (torch.linalg.eigvalsh(jacobian)[..., 0] < 0).any()


@pytest.mark.parametrize("activation", ["softplus", "elu"])
def test_the_gradient_of_the_free_potential_is_autograds(activation: str) -> None:
    subject = randomised(build("potential", icnn_activation=activation))
    assert isinstance(subject, FreePotentialMap)
    states, actions = points()
    actions.requires_grad_()
    units = torch.cat([states, actions], dim=-1)
    for layer in subject.layers:
        units = subject.phi.value(layer(units))
    quadratic, linear = subject.skip(states)
    potential = ((0.5 * quadratic * actions + linear) * actions).sum(-1) + (subject.readout * units).sum(-1)
    (expected,) = torch.autograd.grad(potential.sum(), actions)
    torch.testing.assert_close(subject.gradient(states, actions), expected)
