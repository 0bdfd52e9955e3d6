"""What is compared on the linear-quadratic problem: the ladder of maps and policies without a map, all on the same Q.

Q is known here, so a difference between two rows is one of map or policy, never of the critic.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from qdot.algorithms.ladder import Map
from qdot.algorithms.transport_loss import clip_to_box, transport_cost, transport_loss
from qdot.transport.fitting import Budget, as_batch, fresh_map, minimise
from qdot.transport.linear_quadratic import LinearQuadratic
from qdot.transport.problems import Array

MAX_WEIGHT = 100.0  # of an advantage weight, as in IQL
RIDGE = 1e-3  # of the regression that estimates the behaviour's mean
Conditional = Callable[[Array, Array], Array]  # states, actions -> actions
Data = tuple[Array, Array]  # states, actions


def behaviour_mean(data: Data) -> Callable[[Array], Array]:
    """Ridge regression of the action on (s, 1): it has the form of the true mean."""
    states, actions = data
    design = np.column_stack([states, np.ones(len(states))])
    weights = np.linalg.solve(design.T @ design + RIDGE * np.eye(design.shape[1]), design.T @ actions)
    return lambda points: np.asarray(np.column_stack([points, np.ones(len(points))]) @ weights)


def fit_map(problem: LinearQuadratic, data: Data, alpha: float, budget: Budget, seed: int, name: str) -> Conditional:
    """T(s, a) of a rung by Q-DOT's loss on the data's actions."""
    fitted = _fresh(data, budget, seed, name)

    def loss(states: Tensor, actions: Tensor, _: Tensor) -> Tensor:
        mapped = fitted.gradient(states, actions)
        return _regularised(problem, states, mapped, actions, alpha)

    _minimise_on(data, fitted, loss, budget, seed)
    return lambda states, actions: _apply(fitted, states, actions)


def fit_ddpg_bc(problem: LinearQuadratic, data: Data, alpha: float, budget: Budget, seed: int) -> Conditional:
    """A policy by max lambda Q(s, pi(s)) - alpha |pi(s) - a|^2: a network of the state, as large as a map."""
    policy = _fresh(data, budget, seed, "shift")

    def loss(states: Tensor, actions: Tensor, _: Tensor) -> Tensor:
        return _regularised(problem, states, policy.gradient(states, torch.zeros_like(actions)), actions, alpha)

    _minimise_on(data, policy, loss, budget, seed)
    return lambda states, actions: _apply(policy, states, np.zeros_like(actions))


def fit_awr(problem: LinearQuadratic, data: Data, temperature: float, budget: Budget, seed: int) -> Conditional:
    """The same policy by regression on the data's actions, weighted by exp(temperature * advantage)."""
    policy = _fresh(data, budget, seed, "shift")
    advantage = problem.q_weight * problem.advantage(*data)
    weights = np.minimum(np.exp(temperature * (advantage - advantage.mean())), MAX_WEIGHT)

    def loss(states: Tensor, actions: Tensor, weight: Tensor) -> Tensor:
        chosen = policy.gradient(states, torch.zeros_like(actions))
        return (weight * (chosen - actions).square().sum(-1)).mean()

    _minimise_on(data, policy, loss, budget, seed, weights / weights.mean())
    return lambda states, actions: _apply(policy, states, np.zeros_like(actions))


def prox_steps(problem: LinearQuadratic, alpha: float, steps: int) -> Conditional:
    """K gradient steps on lambda Q(s, t) - alpha |t - a|^2 from t = a, with the step 1 / (largest curvature)."""
    q_weight = problem.q_weight
    rate = 1.0 / (q_weight * np.linalg.eigvalsh(problem.curvature).max() + 2.0 * alpha)

    def apply(states: Array, actions: Array) -> Array:
        points = actions
        for _ in range(steps):
            slope = q_weight * (states @ problem.gain.T - points) @ problem.curvature
            points = points + rate * (slope - 2.0 * alpha * (points - actions))
        return points

    return apply


def _fresh(data: Data, budget: Budget, seed: int, name: str) -> Map:
    return fresh_map(name, data[1].shape[1], budget, seed, state_dim=data[0].shape[1])


def _regularised(problem: LinearQuadratic, states: Tensor, mapped: Tensor, actions: Tensor, alpha: float) -> Tensor:
    """Q-DOT's loss with lambda of the problem; Q up to V*(s), which no policy changes."""
    gain = torch.as_tensor(problem.gain, dtype=torch.float32)
    curvature = torch.as_tensor(problem.curvature, dtype=torch.float32)
    offset = clip_to_box(mapped) - states @ gain.T
    q_values = -0.5 * ((offset @ curvature) * offset).sum(-1)
    return transport_loss(q_values, transport_cost(mapped, actions), problem.q_weight, alpha).sum()


def _minimise_on(
    data: Data,
    fitted: Map,
    loss: Callable[[Tensor, Tensor, Tensor], Tensor],
    budget: Budget,
    seed: int,
    weights: Array | None = None,
) -> None:
    """Minimise a loss of (states, actions, weights) over minibatches of the data."""
    states, actions = as_batch(data[0]), as_batch(data[1])
    row_weights = torch.ones_like(states[..., 0]) if weights is None else as_batch(weights)
    rng = np.random.default_rng([seed, 0])

    def step(_: int) -> Tensor:
        rows = torch.from_numpy(rng.integers(actions.shape[1], size=budget.batch_size))
        return loss(states[:, rows], actions[:, rows], row_weights[:, rows])

    minimise(fitted, step, budget)


def _apply(fitted: Map, states: Array, actions: Array) -> Array:
    """The map on numpy rows, clipped to the box as it is executed."""
    with torch.no_grad():
        return clip_to_box(fitted.gradient(as_batch(states), as_batch(actions)))[0].double().numpy()
