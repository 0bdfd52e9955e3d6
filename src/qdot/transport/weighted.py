"""A quadratic Q under a weighted cost |t - a|_M^2: the optimal map is affine, and no gradient."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy import linalg
from torch import Tensor

from qdot.transport.problems import Array, QuadraticValue
from qdot.transport.regularised import Value, quadratic

DEVIATION = 0.2


@dataclass(frozen=True)
class WeightedProblem:
    """Maximise Q(t) - alpha (t - a)'M (t - a).

    Attributes:
        value: Q.
        metric: M, (dim, dim), symmetric and positive; commutes with no part of Q's Hessian.
        alpha: Its weight.
    """

    value: QuadraticValue
    metric: Array
    alpha: float

    @property
    def q_values(self) -> Value:
        """Q for tensors."""
        return quadratic(self.value)

    def source(self, rng: np.random.Generator, n: int) -> Array:
        """Actions, (n, dim)."""
        return DEVIATION * rng.normal(size=(n, len(self.metric)))

    def cost(self, mapped: Tensor, actions: Tensor) -> Tensor:
        """E|T(a) - a|_M^2 per seed."""
        offset = mapped - actions
        return ((offset @ torch.as_tensor(self.metric, dtype=torch.float32)) * offset).sum(-1).mean(-1)

    def maximiser(self, actions: Array) -> Array:
        """(H + 2 alpha M)^-1 (H peak + 2 alpha M a), row by row."""
        curvature, pull = self.value.curvature, 2.0 * self.alpha * self.metric
        right = curvature @ self.value.peak + actions @ pull
        return np.asarray(np.linalg.solve(curvature + pull, right.T).T)

    def best_gradient(self, actions: Array) -> Array:
        """The best map that is a gradient: affine, its matrix S symmetric with W S + S W = W A + A'W, row by row.

        A is the maximiser's matrix and W = H + 2 alpha M. The objective is -E|T(a) - A a|_W^2 / 2 up to a constant, and
        for isotropic Gaussian actions W (S - A) is then antisymmetric: orthogonal to every gradient, affine or not.
        """
        weight = self.value.curvature + 2.0 * self.alpha * self.metric
        shift = self.maximiser(np.zeros((1, len(weight))))
        matrix = (self.maximiser(np.eye(len(weight))) - shift).T
        symmetric = linalg.solve_continuous_lyapunov(weight, weight @ matrix + matrix.T @ weight)
        return np.asarray(actions @ symmetric.T + shift)

    def objective(self, points: Array, actions: Array) -> float:
        """E[Q(t) - alpha |t - a|_M^2]."""
        offset, moved = points - self.value.peak, points - actions
        q_values = -0.5 * ((offset @ self.value.curvature) * offset).sum(axis=1)
        return float((q_values - self.alpha * ((moved @ self.metric) * moved).sum(axis=1)).mean())

    def share(self, points: Array, actions: Array) -> float:
        """Share of the gain over staying that the maximiser makes."""
        stay = self.objective(actions, actions)
        return (self.objective(points, actions) - stay) / (self.objective(self.maximiser(actions), actions) - stay)


def weighted_problem(dim: int, alpha: float, seed: int = 0) -> WeightedProblem:
    """Hessian and metric with spectra .3 to 3 and .1 to 10 on random axes of their own."""
    rng = np.random.default_rng([seed, dim, 10])

    def positive(low: float, high: float) -> Array:
        axes, _ = np.linalg.qr(rng.normal(size=(dim, dim)))
        return np.asarray((axes * np.geomspace(low, high, dim)) @ axes.T)

    curvature, metric = positive(0.3, 3.0), positive(0.1, 10.0)
    value = QuadraticValue(0.5 * (curvature + curvature.T), 0.1 * rng.normal(size=dim))
    return WeightedProblem(value, 0.5 * (metric + metric.T), alpha)
