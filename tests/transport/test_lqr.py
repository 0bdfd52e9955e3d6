"""The linear-quadratic study stands on closed forms that simulation and search confirm."""

import numpy as np
import pytest
from scipy import optimize

from qdot.transport.fitting import Budget
from qdot.transport.linear_quadratic import biased_regulator
from qdot.transport.lqr import ALPHA, rows, sample_rows, strength_rows
from qdot.transport.lqr_methods import behaviour_mean, fit_map, prox_steps

PROBLEM = biased_regulator()


def test_return_in_closed_form_is_that_of_rollouts() -> None:
    gain, shift = PROBLEM.behaviour_gain, PROBLEM.behaviour_bias
    simulated = PROBLEM.rollout_return(PROBLEM.behaviour_mean, np.random.default_rng(0), starts=20_000)
    assert simulated == pytest.approx(PROBLEM.affine_return(gain, shift), rel=0.02)


def test_riccatis_gain_cannot_be_improved() -> None:
    best = PROBLEM.affine_return(PROBLEM.gain, np.zeros(16))
    rng = np.random.default_rng(1)
    for _ in range(20):
        gain = PROBLEM.gain + 0.05 * rng.normal(size=PROBLEM.gain.shape)
        assert PROBLEM.affine_return(gain, 0.05 * rng.normal(size=16)) < best
    values = -np.trace(PROBLEM.riccati) * PROBLEM.state_deviation**2
    assert best == pytest.approx(values, rel=1e-9)  # V*(s) = -s'P s


def test_advantage_is_bellmans() -> None:
    states, actions = PROBLEM.sample(np.random.default_rng(2), 5)
    following = states @ PROBLEM.dynamics.T + actions @ PROBLEM.control.T

    def value(points: np.ndarray) -> np.ndarray:
        return -((points @ PROBLEM.riccati) * points).sum(axis=1)

    cost = ((states @ PROBLEM.state_cost) * states).sum(1) + ((actions @ PROBLEM.action_cost) * actions).sum(1)
    expected = -cost + PROBLEM.discount * value(following) - value(states)
    np.testing.assert_allclose(PROBLEM.advantage(states, actions), expected, rtol=1e-8)


def test_proximal_map_is_the_maximiser_found_by_search_and_steps_come_to_it() -> None:
    states, actions = PROBLEM.sample(np.random.default_rng(3), 1)

    def loss(t: np.ndarray) -> float:
        gain = PROBLEM.q_weight * PROBLEM.advantage(states, t[None])[0]
        return float(ALPHA * np.square(t - actions[0]).sum() - gain)

    exact = PROBLEM.proximal(states, actions, PROBLEM.q_weight, ALPHA)[0]
    np.testing.assert_allclose(optimize.minimize(loss, actions[0], tol=1e-12).x, exact, atol=1e-4)
    np.testing.assert_allclose(prox_steps(PROBLEM, ALPHA, 200)(states, actions)[0], exact, atol=1e-6)


def test_estimated_behaviour_mean_comes_to_the_true_one() -> None:
    states, _ = PROBLEM.sample(np.random.default_rng(4), 100)
    fitted = behaviour_mean(PROBLEM.sample(np.random.default_rng(5), 20_000))
    np.testing.assert_allclose(fitted(states), PROBLEM.behaviour_mean(states), atol=0.02)


def test_with_many_samples_the_map_is_the_proximal_map() -> None:
    data = PROBLEM.sample(np.random.default_rng(6), 5000)
    fitted = fit_map(PROBLEM, data, ALPHA, Budget(500, learning_rate=1e-2), 0, "icnn")
    states, actions = PROBLEM.sample(np.random.default_rng(7), 500)
    exact = PROBLEM.proximal(states, actions, PROBLEM.q_weight, ALPHA)
    error = np.square(fitted(states, actions) - exact).sum() / np.square(actions - exact).sum()
    assert error < 0.02


def test_rows_name_every_method_and_the_exact_map_is_the_unit() -> None:
    found = sample_rows(PROBLEM, samples=64, iterations=10, seed=0)
    names = {row.map for row in found}
    assert names >= {"shift", "affine", "potential", "icnn", "ddpg_bc", "awr_best", "prox_exact", "prox_10_steps"}
    shares = {row.map: row.value for row in found if row.metric == "pushforward_share"}
    assert shares["prox_exact"] == pytest.approx(1.0)
    assert shares["behaviour_mean"] == pytest.approx(0.0)
    assert max(shares.values()) <= 1.0 + 1e-9  # the proximal map is the maximiser


def test_a_stronger_penalty_moves_less_and_gains_less() -> None:
    found = [row for alpha in (0.2, 2.0) for row in strength_rows(PROBLEM, 200, 300, alpha, seed=0)]
    for name in ("prox_exact", "icnn", "ddpg_bc"):
        moved = [row.value for row in found if row.map == name and row.metric == "displacement"]
        gained = [row.value for row in found if row.map == name and row.metric == "advantage"]
        assert moved[0] > 1.5 * moved[1]
        assert gained[0] > gained[1]


@pytest.mark.slow
def test_every_rung_comes_to_the_proximal_map_with_many_samples() -> None:
    found = sample_rows(PROBLEM, samples=10_000, iterations=1000, seed=0)
    shares = {row.map: row.value for row in found if row.metric == "pushforward_share"}
    assert min(shares[name] for name in ("shift", "affine", "potential", "icnn")) > 0.95


def test_tiny_study_is_made_of_the_same_rows() -> None:
    metrics = {row.metric for row in rows("tiny", seed=0)}
    assert metrics >= {"objective_share", "pushforward_share", "advantage", "displacement", "return", "return_share"}
