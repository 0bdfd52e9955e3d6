"""Maps from unpaired samples without convexity: sup_f inf_T E[|T(x) - x|^2 / 2 - f(T(x))] + E f(y).

The rungs of the ladder that have no convex potential have no conjugate to solve, so a critic stands for it, as in
Rout et al. 2022 and Korotin et al. 2023. It is an adversarial fit: what the semi-dual does without.
"""

import numpy as np
import torch
from torch import Tensor

from qdot.algorithms.ladder import Map
from qdot.transport.fitting import Budget, fresh_map, stateless
from qdot.transport.problems import Sampled

MAP_STEPS = 4  # per step of the critic


def fit_maximin(problem: Sampled, budget: Budget, seed: int, name: str) -> Map:
    """Fit a map of any rung from samples of both sides.

    Args:
        problem: Where samples come from.
        budget: Steps of the critic, batch, learning rate of both, widths of both.
        seed: Of the initial weights and of the samples.
        name: Of the map, see `fresh_map`.

    Returns:
        The fitted map.
    """
    fitted = fresh_map(name, problem.dim, budget, seed)
    critic = _Critic(problem.dim, budget.hidden, torch.Generator().manual_seed(seed + 1))
    rng = np.random.default_rng([seed, 0])
    modules = (fitted, critic)
    optimisers = [torch.optim.Adam(m.parameters(), lr=budget.learning_rate, betas=(0.5, 0.9)) for m in modules]
    schedules = [torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=budget.iterations) for o in optimisers]

    def descend(which: int, loss: Tensor) -> None:
        optimisers[which].zero_grad(set_to_none=True)
        loss.backward()
        optimisers[which].step()

    for _ in range(budget.iterations):
        for _ in range(MAP_STEPS):
            states, source = stateless(problem.source(rng, budget.batch_size))
            mapped = fitted.gradient(states, source)
            descend(0, (0.5 * (mapped - source).square().sum(-1) - critic(mapped)).mean())
        _, target = stateless(problem.target(rng, budget.batch_size))
        states, source = stateless(problem.source(rng, budget.batch_size))
        with torch.no_grad():
            mapped = fitted.gradient(states, source)
        descend(1, critic(mapped).mean() - critic(target).mean())
        for schedule in schedules:
            schedule.step()
    return fitted


class _Critic(torch.nn.Module):
    """f(y), (1, n, dim) -> (1, n), a free network."""

    def __init__(self, dim: int, hidden: tuple[int, ...], generator: torch.Generator) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleList()
        for before, after in zip((dim, *hidden), (*hidden, 1), strict=True):
            layer = torch.nn.Linear(before, after)
            torch.nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=generator)
            torch.nn.init.zeros_(layer.bias)
            self.layers.append(layer)

    def forward(self, points: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            points = torch.nn.functional.softplus(layer(points))
        return self.layers[-1](points)[..., 0]
