"""A discounted linear-quadratic problem: optimal Q by Riccati's equation, proximal map and returns in closed form."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import linalg

from qdot.transport.problems import Array

Policy = Callable[[Array], Array]  # states (n, state) -> actions (n, action)
HORIZON = 200  # steps of a rollout: at discount .95 what follows weighs 4e-5


@dataclass(frozen=True)
class LinearQuadratic:
    """s' = A s + B a, reward -(s'U s + a'R a), and a behaviour a = K_b s + bias + noise.

    Attributes:
        dynamics: A, (state, state).
        control: B, (state, action).
        state_cost: U, (state, state), positive.
        action_cost: R, (action, action), positive.
        behaviour_gain: K_b, (action, state).
        behaviour_bias: (action,), the same in every state: what a proximal step should undo.
        noise: Deviation of the behaviour's noise, per coordinate.
        state_deviation: Of the states, independent normal.
        discount: gamma.
    """

    dynamics: Array
    control: Array
    state_cost: Array
    action_cost: Array
    behaviour_gain: Array
    behaviour_bias: Array
    noise: float
    state_deviation: float
    discount: float = 0.95

    @cached_property
    def riccati(self) -> Array:
        """P with V*(s) = -s'P s."""
        root = np.sqrt(self.discount)
        return np.asarray(
            linalg.solve_discrete_are(root * self.dynamics, root * self.control, self.state_cost, self.action_cost)
        )

    @cached_property
    def curvature(self) -> Array:
        """-Hessian of Q*(s, .): 2 (R + gamma B'P B)."""
        return 2.0 * (self.action_cost + self.discount * self.control.T @ self.riccati @ self.control)

    @cached_property
    def gain(self) -> Array:
        """K* with argmax_a Q*(s, a) = K* s."""
        cross = 2.0 * self.discount * self.control.T @ self.riccati @ self.dynamics
        return np.asarray(-np.linalg.solve(self.curvature, cross))

    def advantage(self, states: Array, actions: Array) -> Array:
        """Q*(s, a) - V*(s) = -(a - K*s)'H (a - K*s) / 2, (n,)."""
        offset = actions - states @ self.gain.T
        return np.asarray(-0.5 * ((offset @ self.curvature) * offset).sum(axis=1))

    @cached_property
    def q_weight(self) -> float:
        """The weight of Q, lambda = 1 / E||grad_a Q*|| under the behaviour (20,000 samples)."""
        states, actions = self.sample(np.random.default_rng(0), 20_000)
        slopes = (actions - states @ self.gain.T) @ self.curvature
        return float(1.0 / np.linalg.norm(slopes, axis=1).mean())

    def behaviour_mean(self, states: Array) -> Array:
        """E[a | s]."""
        return np.asarray(states @ self.behaviour_gain.T + self.behaviour_bias)

    def sample(self, rng: np.random.Generator, n: int) -> tuple[Array, Array]:
        """States (n, state) and behaviour actions (n, action)."""
        states = self.state_deviation * rng.normal(size=(n, len(self.dynamics)))
        mean = self.behaviour_mean(states)
        return states, mean + self.noise * rng.normal(size=mean.shape)

    def proximal(self, states: Array, actions: Array, q_weight: float, transport_weight: float) -> Array:
        """argmax_t lambda Q*(s, t) - alpha |t - a|^2, row by row."""
        system = q_weight * self.curvature + 2.0 * transport_weight * np.eye(len(self.curvature))
        right = q_weight * states @ self.gain.T @ self.curvature + 2.0 * transport_weight * actions
        return np.asarray(np.linalg.solve(system, right.T).T)

    def affine_return(self, gain: Array, shift: Array) -> float:
        """Expected discounted return of a = F s + g, by a Lyapunov equation."""
        closed, drift = self.dynamics + self.control @ gain, self.control @ shift
        cost = self.state_cost + gain.T @ self.action_cost @ gain
        quadratic = linalg.solve_discrete_lyapunov(np.sqrt(self.discount) * closed.T, cost)
        right = gain.T @ self.action_cost @ shift + self.discount * closed.T @ quadratic @ drift
        linear = np.linalg.solve(np.eye(len(closed)) - self.discount * closed.T, right)
        constant = shift @ self.action_cost @ shift + self.discount * (drift @ quadratic @ drift + 2.0 * linear @ drift)
        constant /= 1.0 - self.discount
        return -float(np.trace(quadratic) * self.state_deviation**2 + constant)

    def rollout_return(self, policy: Policy, rng: np.random.Generator, starts: int = 256) -> float:
        """Mean discounted return of a policy over `HORIZON` steps."""
        states = self.state_deviation * rng.normal(size=(starts, len(self.dynamics)))
        total = np.zeros(starts)
        for step in range(HORIZON):
            actions = policy(states)
            cost = ((states @ self.state_cost) * states).sum(1) + ((actions @ self.action_cost) * actions).sum(1)
            total -= self.discount**step * cost
            states = states @ self.dynamics.T + actions @ self.control.T
        return float(total.mean())


def biased_regulator(action_dim: int = 16, state_dim: int = 4, seed: int = 0) -> LinearQuadratic:
    """A slowly decaying system with more actuators than states, driven at half the optimal gain with a fixed bias."""
    rng = np.random.default_rng([seed, action_dim, state_dim, 6])
    turn, _ = np.linalg.qr(rng.normal(size=(state_dim, state_dim)))
    axes, _ = np.linalg.qr(rng.normal(size=(action_dim, action_dim)))
    action_cost = (axes * np.geomspace(0.1, 1.0, action_dim)) @ axes.T
    control = rng.normal(size=(state_dim, action_dim)) / np.sqrt(action_dim)
    bias = rng.normal(size=action_dim)
    still = LinearQuadratic(
        dynamics=0.95 * turn,
        control=control,
        state_cost=np.eye(state_dim),
        action_cost=0.5 * (action_cost + action_cost.T),
        behaviour_gain=np.zeros((action_dim, state_dim)),
        behaviour_bias=0.4 * bias / np.linalg.norm(bias),
        noise=0.15,
        state_deviation=0.25,
    )
    return replace(still, behaviour_gain=0.5 * still.gain)
