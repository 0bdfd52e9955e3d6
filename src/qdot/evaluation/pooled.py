"""Scores by task, a recipe's draws averaged by seed: what claims, expectations and differences are tested on."""

from collections.abc import Sequence

import numpy as np

from qdot.evaluation.draws import Draws
from qdot.evaluation.statistics import Array
from qdot.evaluation.summary import Board, Primary

Named = tuple[str, str | None]  # algorithm, readout (None: the dataset's primary one)


class Pooled:
    """The scores of one protocol by task and algorithm.

    Args:
        board: Scores by dataset.
        draws: Which datasets are draws of one recipe.
    """

    def __init__(self, board: Board, draws: Draws) -> None:
        """Keep the scores and their tasks."""
        self.board, self.draws = board, draws
        self.datasets = draws.tasks(board.datasets)
        self.algorithms = board.algorithms

    @property
    def primary(self) -> Primary:
        """Primary readout by (dataset, algorithm); datasets here are draws, not tasks."""
        return self.board.primary

    def members(self, task: str, entries: Sequence[Named]) -> list[str]:
        """Draws on which all of several (algorithm, readout) have a score of the same seed."""
        return [draw for draw in self.draws.members(task) if len(self.board.by_seed(draw, entries))]

    def by_seed(self, task: str, entries: Sequence[Named]) -> Array:
        """Mean scores over the draws that all entries have, by seed, over the seeds that they have on all of them.

        Returns:
            (seeds, entries), in the order of the seeds: rows are paired by seed.
        """
        members = self.members(task, entries)
        known = [self.board.seeds(draw, entries) for draw in members]
        common = sorted(set.intersection(*map(set, known))) if known else []
        if not common:
            return np.empty((0, len(entries)))
        tables = [self.board.by_seed(draw, entries) for draw in members]
        kept = [table[np.isin(seeds, common)] for table, seeds in zip(tables, known, strict=True)]
        mean: Array = np.mean(kept, axis=0)
        return mean

    def scores(self, task: str, algorithm: str, readout: str | None = None) -> Array:
        """Mean scores over draws of a readout (by default the primary one) over seeds, (seeds,)."""
        return self.by_seed(task, [(algorithm, readout)])[:, 0]
