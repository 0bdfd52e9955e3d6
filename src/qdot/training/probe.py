"""Diagnostics during training: what map and policy do at a fixed sample of the data, a row of the curve at a time."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from qdot.algorithms import diagnostics
from qdot.algorithms.base import Algorithm
from qdot.data.batch import Dataset

ROWS = 256  # a multiple of 32, as every batch: a seed's bits then do not depend on its batch mates


class Probe:
    """A fixed sample of the dataset, the same for every seed.

    Attributes:
        states: (ROWS, obs), evenly spaced over the dataset.
        actions: (ROWS, act), theirs.
        held_out: (states, actions) of rows that no behaviour model has seen; None where no episode is held out.
        value_bound: Largest value that the rewards allow, max|r| / (1 - gamma).
    """

    def __init__(self, dataset: Dataset, discount: float, device: str) -> None:
        """Choose the rows."""
        self.states, self.actions = self._take(dataset, np.flatnonzero(dataset.held_out == 0), device)
        hidden = np.flatnonzero(dataset.held_out)
        self.held_out = self._take(dataset, hidden, device) if len(hidden) else None
        self.value_bound = max(float(np.abs(dataset.rewards).max()), 1e-12) / max(1 - discount, 1e-12)
        generator = torch.Generator().manual_seed(0)
        self._normal = torch.randn(2, ROWS, dataset.action_dim + 1, generator=generator).to(device)

    @staticmethod
    def _take(dataset: Dataset, rows: np.ndarray, device: str) -> tuple[Tensor, Tensor]:
        chosen = rows[np.linspace(0, len(rows) - 1, ROWS).round().astype(int)]
        states, actions = (
            torch.from_numpy(table[chosen]).to(device) for table in (dataset.observations, dataset.actions)
        )
        return states, actions

    @torch.no_grad()
    def measure(self, model: Algorithm) -> dict[str, Tensor]:
        """Diagnostics by name, (seeds,) each; what an algorithm has no part for is not there."""
        states = self.states.expand(model.seeds, -1, -1)
        actions = self.actions.expand(model.seeds, -1, -1)
        value = model.value(states, actions)
        found = {} if value is None else {"value_over_bound": value.abs().mean(dim=-1) / self.value_bound}
        spread = (self.actions - self.actions.mean(dim=0)).square().sum(dim=-1).mean().clamp(min=1e-12)
        executed_by = self._executed(model, states)
        for readout, executed in executed_by.items():
            squared = (executed - actions).square().sum(dim=-1).mean(dim=-1)
            found[f"{readout}_data_distance"] = (squared / spread).sqrt()
        behaviour: Any = getattr(model, "behaviour", None)
        if behaviour is None:
            return found
        found["behaviour_log_likelihood"] = behaviour.log_likelihood(states, actions).mean(dim=-1)
        if self.held_out is not None:
            hidden = [table.expand(model.seeds, -1, -1) for table in self.held_out]
            found["behaviour_log_likelihood_held_out"] = behaviour.log_likelihood(*hidden).mean(dim=-1)
        mean, variance = behaviour.moments(states)
        for readout, executed in executed_by.items():
            found[f"{readout}_w2_squared"] = diagnostics.distance_to_behaviour(executed, mean, variance)
            found[f"{readout}_standard_distance"] = diagnostics.standard_distance(executed, mean, variance)
            found[f"{readout}_surprise"] = -behaviour.log_likelihood(states, executed).mean(dim=-1)
        move: Any = getattr(model, "map", None)
        return found if move is None else found | self._map(behaviour, move.gradient, states, actions, variance)

    @staticmethod
    def _executed(model: Algorithm, states: Tensor) -> dict[str, Tensor]:
        """Actions (seeds, ROWS, act) of each deterministic readout."""
        return {readout: model.act(states, readout) for readout in model.readouts if not model.noise_shape(readout)}

    def _map(
        self, behaviour: Any, move: diagnostics.Map, states: Tensor, actions: Tensor, variance: Tensor
    ) -> dict[str, Tensor]:
        """Geometry of the map at the data's actions and at samples of the behaviour model."""
        noise = self._normal[..., : behaviour.noise_width].expand(len(states), -1, -1, -1)  # (seeds, 2, ROWS, width)
        first, second = behaviour.draws(states, noise.transpose(1, 2)).unbind(dim=2)
        moved, jacobian = diagnostics.jacobians(move, states, first)
        density = behaviour.log_likelihood
        return {
            "displacement_over_sd": diagnostics.displacement_over_sd(move(states, actions), actions, variance),
            "map_asymmetry": diagnostics.asymmetry(jacobian),
            "map_monotone_violations": diagnostics.monotone_violations(move, states, first, second),
            "map_divergence": diagnostics.pushed_divergence(density, moved, jacobian, states, first),
        }
