"""Q-DOT's own loss finds the proximal map of a quadratic Q; maps that lack what the potential has do not."""

import numpy as np
import pytest

from qdot.transport.fitting import Budget
from qdot.transport.own_loss import CASES, CONTROLLED, Case, case_rows
from qdot.transport.records import Row
from qdot.transport.spectral import SPREAD, spectral_proximal


@pytest.fixture(scope="module")
def fast() -> dict[str, Row]:
    return {row.map: row for row in case_rows(CASES["tiny"][0], 0, CONTROLLED)}


def test_own_loss_finds_the_proximal_map(fast: dict[str, Row]) -> None:
    assert fast["icnn"].value < 0.05
    assert fast["icnn"].passed


@pytest.mark.parametrize("name", ["fixed_quadratic", "shift_only"])
def test_maps_that_cannot_contract_miss(fast: dict[str, Row], name: str) -> None:
    assert fast[name].value > 10.0
    assert fast[name].passed  # a control passes by missing


def test_same_seed_gives_the_same_map() -> None:
    case = Case("oblique", 2, None, 0.05, Budget(20))
    first = case_rows(case, 0, ("icnn",))
    assert first == case_rows(case, 0, ("icnn",))
    assert first[0].value != case_rows(case, 1, ("icnn",))[0].value


@pytest.mark.parametrize("spectrum", [(0.5, 2.0), (0.1, 10.0)])
def test_spectral_problem_has_the_spectrum_and_stays_in_the_box(spectrum: tuple[float, float]) -> None:
    problem, _ = spectral_proximal(16, *spectrum, 1.0, seed=0)
    jacobian = problem.exact_map(np.eye(16)) - problem.exact_map(np.zeros((1, 16)))
    np.testing.assert_allclose(np.linalg.eigvalsh(jacobian)[[0, -1]], spectrum, rtol=1e-6)
    points = problem.source(np.random.default_rng(0), 20_000)
    assert points.std(axis=0).max() < 1.05 * SPREAD
    assert (np.abs(problem.exact_map(points)) > 1.0).any(axis=1).mean() < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize(
    "case", [case for case in CASES["full"] if case.bound], ids=lambda case: f"{case.name}-{case.dim}d"
)
def test_own_loss_is_exact_at_full_budget(case: Case) -> None:
    rows = {row.map: row for row in case_rows(case, 0, CONTROLLED)}
    assert all(row.passed for row in rows.values())
    assert case.bound is not None
    assert rows["icnn"].value < case.bound
