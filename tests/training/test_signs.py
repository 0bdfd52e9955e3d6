"""Failure signs: each fires on a curve that shows it, and on no other."""

import numpy as np
import pytest

from qdot.training.signs import AWAY, COLLAPSED, FAR, OVERESTIMATED, find_signs, overestimation_signs, swing

ROWS = 40
HEALTHY = {
    "value_loss": np.linspace(1, 0.1, ROWS),
    "displacement_over_sd": np.full(ROWS, 0.6),
    "discriminator_loss": -0.3 + 0.2 * np.sin(np.arange(ROWS)),
    "value_over_bound": np.full(ROWS, 0.2),
    "map_standard_distance": np.full(ROWS, 1.4),
    "distill_standard_distance": np.full(ROWS, 1.1),
    "policy_data_distance": np.full(ROWS, 0.9),
}
SICK = {
    "displacement_over_sd": (np.full(ROWS, COLLAPSED / 2), "identity collapse"),
    "discriminator_loss": (0.3 * (-1.0) ** np.arange(ROWS), "discriminator oscillation"),
    "value_over_bound": (np.linspace(0, 9, ROWS), "value divergence"),
    "distill_standard_distance": (np.full(ROWS, 2 * FAR), "policy leaves the data"),
    "policy_data_distance": (np.full(ROWS, 2 * AWAY), "policy leaves the data"),
}


def signs(curve: dict[str, np.ndarray]) -> list[tuple[str, str]]:
    found = find_signs(list(curve), np.stack(list(curve.values()), axis=1).tolist())
    return [(sign.sign, sign.quantity) for sign in found]


def test_a_healthy_curve_shows_none() -> None:
    assert signs(HEALTHY) == []


@pytest.mark.parametrize("quantity", SICK)
def test_each_sign_is_seen_and_named_with_its_quantity(quantity: str) -> None:
    values, name = SICK[quantity]
    assert signs(HEALTHY | {quantity: values}) == [(name, quantity)]


@pytest.mark.parametrize("quantity", SICK)
def test_disorder_at_the_start_is_no_sign(quantity: str) -> None:
    early = np.where(np.arange(ROWS) < ROWS // 2, SICK[quantity][0], HEALTHY[quantity])
    assert signs(HEALTHY | {quantity: early}) == []


def test_what_is_no_number_is_left_out_and_infinity_is_not() -> None:
    assert signs(HEALTHY | {"value_over_bound": np.full(ROWS, np.nan)}) == []
    assert signs(HEALTHY | {"value_over_bound": np.full(ROWS, np.inf)}) == [("value divergence", "value_over_bound")]


@pytest.mark.parametrize("shape", ["alternation", "sine", "spikes"])
def test_an_oscillating_loss_is_seen_whatever_its_shape(shape: str) -> None:
    rows = np.arange(ROWS)
    losses = {"alternation": (-1.0) ** rows, "sine": np.sin(np.pi / 2 * rows), "spikes": np.where(rows % 8, -0.1, 9.0)}
    assert signs(HEALTHY | {"discriminator_loss": losses[shape]})[0][0] == "discriminator oscillation"


def test_no_curve_shows_no_sign() -> None:
    assert find_signs([], []) == []


def test_swing_is_the_spread_of_changes_over_the_mean_size() -> None:
    assert swing(np.array([1.0, -1.0, 1.0, -1.0])) == pytest.approx(np.std([-2, 2, -2]) / 1)
    assert swing(np.array([2.0, 3.0, 4.0, 5.0])) == 0  # a steady trend is no oscillation


def test_a_value_too_far_above_the_return_is_a_sign_of_that_readout_alone() -> None:
    shares = {"map": 2 * OVERESTIMATED, "distill": 0.9 * OVERESTIMATED, "policy": -3.0, "best_of_n": np.inf}
    found = overestimation_signs(shares)
    assert [sign.quantity for sign in found] == [
        "map_value_overestimation_share",
        "best_of_n_value_overestimation_share",
    ]
    assert {sign.sign for sign in found} == {"value over-estimation"}
    assert (found[0].value, found[0].threshold) == (2 * OVERESTIMATED, OVERESTIMATED)
    assert np.isfinite(found[1].value)  # a manifest is JSON, which has no infinity
