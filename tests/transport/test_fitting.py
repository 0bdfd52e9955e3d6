"""The rungs differ in structure, never in size."""

import numpy as np
import pytest

from qdot.algorithms.maps import RUNGS
from qdot.transport.fitting import FIXED, Budget, fresh_map, stateless
from qdot.transport.novelty import PROBLEMS


def count(name: str, dim: int, state_dim: int) -> int:
    return sum(parameter.numel() for parameter in fresh_map(name, dim, Budget(1), 0, state_dim).parameters())


def test_convex_potential_with_a_state_has_the_parameters_counted_by_hand() -> None:
    context = (4 + 1) * (64 + 64 + 16)  # next context, bias and action gate of the first layer
    context += (64 + 1) * (64 + 64 + 16 + 64)  # the same of the second, and the gate on the units below
    context += (64 + 1) * (64 + 16 + 1)  # gate of the readout, b(s), c(s)
    assert count("icnn", 16, 4) == context + 2 * 16 * 64 + 64 * 64 + 64


@pytest.mark.parametrize("sizes", [*PROBLEMS.values(), (2, 0), (8, 0), (16, 0), (64, 0)], ids=str)
@pytest.mark.parametrize("name", RUNGS[:-1])
def test_free_maps_have_as_many_parameters_as_the_convex_one(name: str, sizes: tuple[int, int]) -> None:
    assert count(name, *sizes) == pytest.approx(count("icnn", *sizes), rel=0.1)


def test_maps_of_other_names_are_refused() -> None:
    with pytest.raises(ValueError, match="found 'mlp', expected one of"):
        fresh_map("mlp", 2, Budget(1), 0)


@pytest.mark.parametrize("name", [*RUNGS, FIXED])
def test_every_map_starts_at_the_identity(name: str) -> None:
    states, actions = stateless(np.array([[0.5, -0.25], [1.0, 2.0]]))
    moved = fresh_map(name, 2, Budget(1), 0).gradient(states, actions)
    assert moved.detach().numpy() == pytest.approx(actions.numpy(), rel=1e-5)
