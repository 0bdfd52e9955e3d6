"""Properties of the convex potential that hold at every parameter value, and its start."""

from collections.abc import Callable
from typing import Any, cast

import ot
import pytest
import torch
from torch import Tensor

from qdot.algorithms.convex_layers import NonNegativeLinear, NonNegativeReadout, convex_activation
from qdot.algorithms.icnn import PartiallyConvexPotential
from qdot.errors import ParamsError

STATE, ACTION, HIDDEN = 5, 3, (32, 32, 32)


def make(
    seeds: tuple[int, ...] = (0, 1),
    state_dim: int = STATE,
    action_dim: int = ACTION,
    hidden: tuple[int, ...] = HIDDEN,
    **options: Any,
) -> PartiallyConvexPotential:
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    return PartiallyConvexPotential(generators, state_dim, action_dim, hidden, **options)


def inputs(seeds: int, state_dim: int = STATE, action_dim: int = ACTION, batch: int = 64) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(7)
    states = torch.randn(seeds, batch, state_dim, generator=generator)
    return states, torch.randn(seeds, batch, action_dim, generator=generator)


def randomise(potential: PartiallyConvexPotential, scale: float = 0.5) -> PartiallyConvexPotential:
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in potential.parameters():
            parameter.add_(scale * torch.randn(parameter.shape, generator=generator))
    return potential


def train(potential: PartiallyConvexPotential, steps: int = 100) -> PartiallyConvexPotential:
    """Fit a map that no convex gradient equals, with a large rate: weights are pushed against what keeps them >= 0."""
    states, actions = inputs(2, potential.state_dim, potential.action_dim)
    optimiser = torch.optim.Adam(potential.parameters(), lr=0.03)
    for _ in range(steps):
        optimiser.zero_grad()
        loss = (potential.gradient(states, actions) - torch.sin(3.0 * actions.flip(-1)) + actions).square().mean()
        loss.backward()
        optimiser.step()
    return potential


CONDITIONS: dict[str, Callable[[PartiallyConvexPotential], PartiallyConvexPotential]] = {
    "at start": lambda potential: potential,
    "random weights": randomise,
    "trained": train,
}


@pytest.fixture(params=CONDITIONS)
def condition(request: pytest.FixtureRequest) -> Callable[[PartiallyConvexPotential], PartiallyConvexPotential]:
    return CONDITIONS[request.param]


@pytest.fixture(params=["softplus", "elu"])
def potential(
    request: pytest.FixtureRequest, condition: Callable[[PartiallyConvexPotential], PartiallyConvexPotential]
) -> PartiallyConvexPotential:
    return condition(make(activation=request.param)).double()


def double_inputs(seeds: int, **shape: int) -> tuple[Tensor, Tensor]:
    states, actions = inputs(seeds, **shape)
    return states.double(), actions.double()


def jacobian(potential: PartiallyConvexPotential, states: Tensor, actions: Tensor) -> Tensor:
    """(seeds, batch, action, action) of the map, by autograd."""
    actions = actions.requires_grad_()
    image = potential.gradient(states, actions)
    rows = [torch.autograd.grad(column.sum(), actions, retain_graph=True)[0] for column in image.unbind(-1)]
    return torch.stack(rows, dim=-2)


def test_no_chord_lies_below_the_potential(potential: PartiallyConvexPotential) -> None:
    states, one = double_inputs(2, batch=512)
    other = 3.0 * one.roll(1, dims=1)
    share = torch.rand(2, 512, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    middle = potential(states, share * one + (1 - share) * other)
    chord = share[..., 0] * potential(states, one) + (1 - share[..., 0]) * potential(states, other)
    assert (middle <= chord + 1e-10 * chord.abs()).all()


def test_jacobian_of_the_map_is_symmetric(potential: PartiallyConvexPotential) -> None:
    matrix = jacobian(potential, *double_inputs(2))
    torch.testing.assert_close(matrix, matrix.mT, rtol=0, atol=1e-10)


def test_hessian_is_at_least_the_quadratic_so_the_map_is_invertible(potential: PartiallyConvexPotential) -> None:
    states, actions = double_inputs(2)
    quadratic = potential._trace(states, actions).quadratic[..., 0]
    eigenvalues = torch.linalg.eigvalsh(jacobian(potential, states, actions))
    assert (quadratic >= potential.min_quadratic).all()
    assert (eigenvalues[..., 0] >= quadratic - 1e-9).all()


def test_cost_of_the_map_is_the_exact_transport_cost_to_its_image(potential: PartiallyConvexPotential) -> None:
    """No plan between a sample and its image is cheaper than the map itself: what makes E|T - a|^2 a distance."""
    states, actions = double_inputs(2, batch=256)
    states = states[:, :1].expand_as(states)
    image = potential.gradient(states, actions).detach()
    for points, images in zip(actions, image, strict=True):
        exact = ot.emd2([], [], ot.dist(points.numpy(), images.numpy()))
        assert (images - points).square().sum(-1).mean().item() == pytest.approx(exact, rel=1e-9, abs=1e-9)


def test_the_map_is_inverted_by_the_conjugate(potential: PartiallyConvexPotential) -> None:
    """Solving grad psi(s, x) = y by descent on the strictly convex psi(s, x) - <x, y> returns to the start."""
    states, actions = double_inputs(2, batch=8)
    image = potential.gradient(states, actions).detach()
    found = torch.zeros_like(actions, requires_grad=True)
    solver = torch.optim.LBFGS(
        [found], max_iter=500, tolerance_grad=1e-10, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def objective() -> Tensor:
        solver.zero_grad()
        value = potential(states, found).sum() - (found * image).sum()
        value.backward()
        return value

    solver.step(objective)
    torch.testing.assert_close(found.detach(), actions, rtol=0, atol=1e-4)


@pytest.mark.parametrize("shape", [(STATE, ACTION), (0, 2), (4, 1), (0, 1)])
@pytest.mark.parametrize("hidden", [(32,), HIDDEN])
def test_closed_form_gradient_is_autograds(
    shape: tuple[int, int],
    hidden: tuple[int, ...],
    condition: Callable[[PartiallyConvexPotential], PartiallyConvexPotential],
) -> None:
    for activation in ("softplus", "elu"):
        potential = make(state_dim=shape[0], action_dim=shape[1], hidden=hidden, activation=activation)
        potential = condition(potential).double()
        states, actions = double_inputs(2, state_dim=shape[0], action_dim=shape[1])
        actions.requires_grad_()
        (expected,) = torch.autograd.grad(potential(states, actions).sum(), actions)
        torch.testing.assert_close(potential.gradient(states, actions), expected, rtol=1e-10, atol=1e-10)


def test_derivatives_of_the_closed_form_are_those_of_double_backward() -> None:
    potential = randomise(make()).double()
    states, actions = double_inputs(2)
    weight = torch.linspace(-1, 1, actions.numel(), dtype=torch.float64).view_as(actions)
    variables = [*potential.parameters(), states.requires_grad_(), actions.requires_grad_()]
    (twice,) = torch.autograd.grad(potential(states, actions).sum(), actions, create_graph=True)
    expected = torch.autograd.grad((weight * twice).sum(), variables, materialize_grads=True)
    found = torch.autograd.grad((weight * potential.gradient(states, actions)).sum(), variables, materialize_grads=True)
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("shape", [(STATE, ACTION), (0, 1)])
@pytest.mark.parametrize("fixed_quadratic", [False, True])
def test_the_map_starts_as_the_identity(shape: tuple[int, int], fixed_quadratic: bool) -> None:
    states, actions = inputs(2, *shape)
    potential = make(state_dim=shape[0], action_dim=shape[1], fixed_quadratic=fixed_quadratic)
    torch.testing.assert_close(potential.gradient(states, actions), actions, rtol=1.2e-7, atol=0)


def test_the_first_step_moves_every_part_of_the_start() -> None:
    potential = make()
    states, actions = inputs(2)
    loss = (potential.gradient(states, actions) - torch.sin(actions) - states[..., :ACTION]).square().sum()
    loss.backward()
    weight = cast(Tensor, potential.heads[-1].weight)
    assert potential.readout.raw.grad is not None
    assert weight.grad is not None
    assert potential.readout.raw.grad.abs().min() > 0
    assert weight.grad[..., -1 - ACTION :].abs().sum(1).min() > 0  # b(s) and c(s)


def test_weights_on_the_convex_path_are_non_negative_whatever_the_parameters() -> None:
    linear, readout = NonNegativeLinear(2, 16, 32), NonNegativeReadout(2, 16)
    torch.testing.assert_close(linear.weight, torch.full((2, 16, 32), 1 / 16))
    assert (readout.weight == 0).all()
    for module in (linear, readout):
        torch.nn.init.normal_(module.raw, std=30.0, generator=torch.Generator().manual_seed(0))
        assert (module.weight >= 0).all()


def test_a_hard_trained_potential_keeps_its_convex_path_non_negative() -> None:
    potential = train(make(), steps=50)
    assert len(potential.convex) == len(HIDDEN) - 1
    assert all((layer.weight >= 0).all() for layer in [*potential.convex, potential.readout])


@pytest.mark.parametrize("name", ["softplus", "elu"])
def test_activations_are_convex_and_non_decreasing_with_the_stated_slope(name: str) -> None:
    activation = convex_activation(name, 3.0)
    points = torch.linspace(-20, 20, 4001, dtype=torch.float64, requires_grad=True)
    slope = activation.slope(points)
    (expected,) = torch.autograd.grad(activation.value(points).sum(), points)
    torch.testing.assert_close(slope, expected, rtol=0, atol=1e-12)
    assert (slope >= 0).all()
    assert (slope.diff() >= -1e-12).all()


@pytest.mark.parametrize("shape", [(STATE, ACTION), (STATE, 1), (0, 2), (17, 9)])
def test_a_seed_trained_alone_equals_the_same_seed_in_a_batch_bitwise(shape: tuple[int, int]) -> None:
    states, actions = inputs(3, *shape, batch=256)

    def fitted(seeds: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        potential = make(seeds, *shape, hidden=(64, 64))
        optimiser = torch.optim.Adam(potential.parameters(), lr=0.01)
        rows = list(seeds)
        for _ in range(5):
            optimiser.zero_grad()
            image = potential.gradient(states[rows], actions[rows])
            (image - torch.sin(2.0 * actions[rows])).square().sum(-1).mean(-1).sum().backward()
            optimiser.step()
        return image.detach(), potential(states[rows], actions[rows]).detach()

    for together, alone in zip(fitted((0, 1, 2)), fitted((1,)), strict=True):
        assert torch.equal(together[1:2], alone)


def test_a_free_quadratic_contracts_where_a_fixed_one_cannot() -> None:
    smallest = []
    for fixed_quadratic in (False, True):
        potential = train(make(hidden=(32, 32), fixed_quadratic=fixed_quadratic)).double()
        smallest.append(torch.linalg.eigvalsh(jacobian(potential, *double_inputs(2))).min().item())
    assert smallest[0] < 0.9
    assert smallest[1] >= 1.0 - 1e-9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"activation": "relu"}, "icnn_activation: found 'relu'"),
        ({"hidden": ()}, "icnn_hidden: found no layer"),
        ({"min_quadratic": 0.0}, "min_quadratic: found 0.0"),
    ],
)
def test_bad_options_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ParamsError, match=message):
        make(**options)
