"""Q-DOT's own loss finds the proximal map of a quadratic Q; maps that lack what the potential has do not."""

import pytest

from qdot.transport.fitting import Budget
from qdot.transport.studies import Row, regularised_study


@pytest.fixture(scope="module")
def quick() -> dict[str, Row]:
    return {row.map: row for row in regularised_study(Budget(iterations=1000, learning_rate=1e-2), seed=0)}


def test_own_loss_finds_the_proximal_map(quick: dict[str, Row]) -> None:
    assert quick["icnn"].l2_uvp < 0.05


@pytest.mark.parametrize("name", ["fixed_quadratic", "shift_only"])
def test_maps_that_cannot_contract_miss(quick: dict[str, Row], name: str) -> None:
    assert quick[name].l2_uvp > 10.0


def test_same_seed_gives_the_same_map(quick: dict[str, Row]) -> None:
    budget = Budget(iterations=20)
    first = regularised_study(budget, seed=0)
    assert first == regularised_study(budget, seed=0)
    assert first[0] != regularised_study(budget, seed=1)[0]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_own_loss_finds_the_proximal_map_for_every_seed(seed: int) -> None:
    rows = {row.map: row.l2_uvp for row in regularised_study(Budget(iterations=3000), seed)}
    assert rows["icnn"] < 0.05
    assert min(rows["fixed_quadratic"], rows["shift_only"]) > 10.0
