"""Shapes in the plane, with exact transport between samples as the referee."""

import numpy as np
import pytest

from qdot.transport.exact import paired_cost, w1, w2_squared
from qdot.transport.planar import SHAPES, shape
from qdot.transport.shapes import PLANS, shape_rows


def test_exact_distances_are_those_worked_out_by_hand() -> None:
    first, second = np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([[1.0, 0.0], [0.0, 2.0]])
    assert w2_squared(first, second) == pytest.approx(2.0)  # (1, 0) stays, (0, 0) goes up by 2
    assert w1(first, second) == pytest.approx(1.0)
    assert paired_cost(first, second) == pytest.approx(3.0)  # 1 and 5


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_are_sampled_without_order(name: str) -> None:
    points = shape(name).target(np.random.default_rng(0), 4000)
    first, second = points[:2000], points[2000:]
    np.testing.assert_allclose(first.mean(axis=0), second.mean(axis=0), atol=0.15)
    assert w2_squared(first[:500], second[:500]) < 0.1 * points.var(axis=0).sum()


@pytest.mark.slow
@pytest.mark.parametrize("name", SHAPES)
def test_image_of_the_semidual_map_is_near_the_shape(name: str) -> None:
    rows = shape_rows(shape(name), ("icnn", "shift_only"), PLANS["full"].budget, seed=0)
    judged = [row for row in rows if row.threshold]
    assert len(judged) == 2
    assert all(row.passed for row in judged)
