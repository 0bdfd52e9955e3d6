"""A Q with many hills, and its global proximal maximiser by search: what the maps of a rough Q are held against."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from qdot.transport.problems import Array

GRID = 401  # points a side of the search over the box


@dataclass(frozen=True)
class Hills:
    """Q(t) = height * sum_k exp(-|t - centre_k|^2 / (2 width^2)).

    Attributes:
        centres: (hills, dim).
        width: Of every hill.
        height: Of every hill.
    """

    centres: Array
    width: float
    height: float = 1.0

    def __call__(self, actions: Tensor) -> Tensor:
        """Q for tensors, (1, n, dim) -> (1, n)."""
        offset = actions.unsqueeze(-2) - torch.as_tensor(self.centres, dtype=torch.float32)
        return self.height * torch.exp(-offset.square().sum(-1) / (2.0 * self.width**2)).sum(-1)

    def values(self, points: Array) -> Array:
        """Q in numpy, (n, dim) -> (n,)."""
        squared = np.square(points[:, None] - self.centres).sum(axis=-1)
        return np.asarray(self.height * np.exp(-squared / (2.0 * self.width**2)).sum(axis=1))

    def in_valleys(self, points: Array) -> float:
        """Share of points further than two widths from every hill."""
        squared = np.square(points[:, None] - self.centres).sum(axis=-1)
        return float((squared.min(axis=1) > 4.0 * self.width**2).mean())


def grid_maximiser(values: Array, grid: Array, actions: Array, weight: float, power: int = 2) -> Array:
    """The argmax over a grid of Q(t) - weight |t - a|^power, row by row.

    Args:
        values: Q on the grid, (points,).
        grid: (points, dim).
        actions: (n, dim).
        weight: alpha.
        power: 2 for the squared distance, 1 for the distance.
    """
    best = np.empty(len(actions), dtype=np.int64)
    for row, action in enumerate(actions):
        squared = np.square(grid - action).sum(axis=1)
        best[row] = np.argmax(values - weight * (squared if power == 2 else np.sqrt(squared)))
    return grid[best]


def box_grid(side: int = GRID) -> Array:
    """The box [-1, 1]^2 as points, (side^2, 2)."""
    axis = np.linspace(-1.0, 1.0, side)
    return np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)


def circle_of_hills(count: int, width: float, dim: int = 2) -> Hills:
    """Hills spread evenly on a circle of radius .6 (in the first two coordinates)."""
    angles = 2.0 * np.pi * np.arange(count) / count
    centres = np.zeros((count, dim))
    centres[:, 0], centres[:, 1] = 0.6 * np.cos(angles), 0.6 * np.sin(angles)
    return Hills(centres, width)
