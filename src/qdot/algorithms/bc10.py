"""Behaviour cloning of the best episodes: the baseline that needs no reinforcement learning [L]."""

from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np

from qdot.algorithms.base import Array, Values
from qdot.algorithms.bc import BC, BCConfig
from qdot.errors import ParamsError


@dataclass(frozen=True, kw_only=True)
class BC10Config(BCConfig):
    """Values of BC on the best episodes.

    Attributes:
        best_share: Share of the episodes that it trains on, in (0, 1].
    """

    best_share: float

    def __post_init__(self) -> None:
        """Check the values."""
        super().__post_init__()
        if not 0 < self.best_share <= 1:
            raise ParamsError(f"best_share: found {self.best_share}, expected a number in (0, 1], e.g. 0.1")


class BC10(BC):
    """BC on the episodes with the highest returns."""

    name = "bc10"
    Config: ClassVar[type[BCConfig]] = BC10Config
    config: BC10Config

    @classmethod
    def rows(cls, config: Values, rewards: Array, episode_starts: Array) -> Array:
        """Rows of the best episodes, in the order of the dataset.

        The return is the undiscounted sum of the recorded rewards; a last episode that the end of the data
        cuts off counts with what it has. The number of episodes is `best_share` of all, rounded to the nearest, and at
        least 1; of equal returns the earlier episode is taken.

        Args:
            config: Values.
            rewards: (n,), as recorded.
            episode_starts: (episodes,), the first row of each episode.
        """
        starts = episode_starts.astype(np.int64)
        returns = np.add.reduceat(rewards.astype(np.float64), starts)
        kept = max(1, round(cast(BC10Config, config).best_share * len(returns)))
        best = np.argsort(-returns, kind="stable")[:kept]
        lengths = np.diff(np.append(starts, len(rewards)))
        return np.flatnonzero(np.repeat(np.isin(np.arange(len(returns)), best), lengths))
