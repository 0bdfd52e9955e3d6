"""The simple input-convex network: convex in state and action together, gradient in closed form, projection."""

from typing import Any

import pytest
import torch
from torch import Tensor

from qdot.algorithms.convex_layers import ProjectedWeight
from qdot.algorithms.icnn import PartiallyConvexPotential
from qdot.algorithms.joint_icnn import JointlyConvexPotential
from qdot.algorithms.optimiser import Adam
from qdot.errors import ParamsError

SHAPE = (4, 3, (32, 32, 32))


def make(kind: type = JointlyConvexPotential, **options: Any) -> Any:
    return kind([torch.Generator().manual_seed(seed) for seed in (0, 1)], *SHAPE, **options)


def randomised(potential: torch.nn.Module) -> torch.nn.Module:
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in potential.parameters():
            parameter.add_(0.5 * torch.randn(parameter.shape, generator=generator))
        for module in potential.modules():
            if isinstance(module, ProjectedWeight):
                module.project()
    return potential.double()


def points(batch: int = 256) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(7)
    states = torch.randn(2, batch, 4, generator=generator, dtype=torch.float64)
    return states, torch.randn(2, batch, 3, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("activation", ["softplus", "elu"])
@pytest.mark.parametrize("weights", ["softplus", "projection"])
def test_no_chord_between_two_pairs_of_state_and_action_lies_below(activation: str, weights: str) -> None:
    potential = randomised(make(activation=activation, weights=weights))
    states, actions = points()
    other_states, other_actions = 2.0 * states.roll(1, dims=1), 3.0 * actions.roll(5, dims=1)
    middle = potential(0.5 * (states + other_states), 0.5 * (actions + other_actions))
    chord = 0.5 * (potential(states, actions) + potential(other_states, other_actions))
    assert (middle <= chord + 1e-10 * chord.abs()).all()


def test_the_partially_convex_potential_is_not_convex_in_the_state() -> None:
    potential = randomised(make(PartiallyConvexPotential))
    states, actions = points()
    other = 2.0 * states.roll(1, dims=1)
    middle = potential(0.5 * (states + other), actions)
    assert (middle > 0.5 * (potential(states, actions) + potential(other, actions)) + 1e-6).any()


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("activation", ["softplus", "elu"])
def test_closed_form_gradient_is_autograds(activation: str, fixed: bool) -> None:
    potential = randomised(make(activation=activation, fixed_quadratic=fixed))
    states, actions = points()
    actions.requires_grad_()
    (expected,) = torch.autograd.grad(potential(states, actions).sum(), actions)
    torch.testing.assert_close(potential.gradient(states, actions), expected)
    assert (potential.quadratic == 1).all() == fixed


def test_the_map_starts_at_the_identity() -> None:
    states, actions = points()
    torch.testing.assert_close(make().double().gradient(states, actions), actions, rtol=3e-7, atol=3e-7)


@pytest.mark.parametrize("kind", [JointlyConvexPotential, PartiallyConvexPotential])
def test_projected_weights_are_non_negative_after_every_step(kind: type) -> None:
    """Pulled towards a map that no convex gradient equals, so that steps do leave the set."""
    potential = make(kind, weights="projection")
    optimiser = Adam([potential], 0.03)
    layers = [module for module in potential.modules() if isinstance(module, ProjectedWeight)]
    assert len(layers) == 3
    states, actions = (x.float() for x in points(64))
    at_zero = 0
    for _ in range(30):
        moved = potential.gradient(states, actions)
        optimiser.minimise({"loss": (moved - torch.sin(3.0 * actions.flip(-1)) + actions).square().mean((1, 2))})
        assert all((layer.weight >= 0).all() for layer in layers)
        at_zero = sum(int((layer.weight == 0).sum()) for layer in layers)
    assert at_zero > 0
    assert any((layer.weight > 0).any() for layer in layers)


def test_unusable_options_are_refused_by_name() -> None:
    with pytest.raises(ParamsError, match="icnn_weights: found 'square'"):
        make(weights="square")
    with pytest.raises(ParamsError, match=r"min_quadratic: found 1\.5"):
        make(min_quadratic=1.5)
    with pytest.raises(ParamsError, match="icnn_hidden: found no layer"):
        JointlyConvexPotential([torch.Generator()], 2, 1, ())
