"""A convex gradient's pairs are an optimal plan; a turn's are not; structure shows in Jacobians and cycles."""

import numpy as np
import pytest

from qdot.transport.certificate import BUDGETS, TOLERANCE, certificate_rows, excess, ladder_rows
from qdot.transport.controls import quarter_turn
from qdot.transport.fitting import Budget
from qdot.transport.geometry import asymmetry, cycle_violations, jacobians, pair_violations

POINTS = np.random.default_rng(0).normal(size=(300, 2))
STRETCH = np.array([[2.0, 0.5], [0.5, 0.3]])  # symmetric and positive
SHEAR = np.array([[1.0, 3.0], [0.0, 1.0]])


def test_certificate_holds_for_a_symmetric_positive_matrix_and_fails_for_turn_and_shear() -> None:
    assert excess(POINTS, POINTS @ STRETCH) < 1e-9
    assert excess(POINTS, quarter_turn(POINTS)) > 0.1
    assert excess(POINTS, POINTS @ SHEAR.T) > 0.1


def test_certificate_holds_at_random_weights_and_after_training_and_the_turn_fails() -> None:
    rows = {row.map: row for row in certificate_rows(Budget(100, learning_rate=1e-2), seed=0)}
    assert max(rows["icnn_at_start"].value, rows["icnn"].value) < TOLERANCE
    assert rows["quarter_turn"].value > 0.1
    assert all(row.passed for row in rows.values())


def test_geometry_of_a_linear_map_is_that_of_its_matrix() -> None:
    def shear(points: np.ndarray) -> np.ndarray:
        return points @ SHEAR.T

    jacobian = jacobians(shear, POINTS[:5])
    np.testing.assert_allclose(jacobian, np.broadcast_to(SHEAR, (5, 2, 2)), atol=1e-9)
    assert asymmetry(jacobian) == pytest.approx(np.sqrt(2.0))  # |J - J'| = 3 sqrt 2, |J - I| = 3
    assert asymmetry(np.broadcast_to(STRETCH, (5, 2, 2))) == 0.0


def test_violations_are_counted_where_they_must_be() -> None:
    rng = np.random.default_rng(1)
    assert pair_violations(POINTS, -POINTS, rng) > 0.99
    assert cycle_violations(POINTS, -POINTS, rng, length=3) > 0.99
    for length in (2, 3, 5):
        assert cycle_violations(POINTS, POINTS @ STRETCH, rng, length) == 0.0


def test_a_slight_turn_is_monotone_and_still_breaks_cycles() -> None:
    angle = 0.48 * np.pi  # every pair is monotone below 90 degrees
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    images, rng = POINTS @ turn.T, np.random.default_rng(2)
    assert pair_violations(POINTS, images, rng) == 0.0
    assert cycle_violations(POINTS, images, rng, length=3) > 0.1


@pytest.mark.slow
def test_ladder_shows_its_structure_at_full_budget() -> None:
    rows = ladder_rows(BUDGETS["full"], seed=0)
    judged = [row for row in rows if row.threshold]
    assert len(judged) == 6
    assert all(row.passed for row in judged)
    free = {row.metric: row.value for row in rows if row.map == "shift"}
    assert free["jacobian_asymmetry"] > 0.1  # a free map is no gradient
