"""Scores over seeds and over datasets, each with an interval."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd

from qdot.evaluation import statistics
from qdot.evaluation.draws import Draws
from qdot.evaluation.statistics import Estimate, Groups
from qdot.frames import groups

COLUMNS = ["dataset", "algorithm", "readout", "protocol", "metric", "value", "low", "high", "seeds", "episodes"]
ALL = "all"
IMPROVEMENT = "probability_of_improvement"
Entry = tuple[str, str]  # algorithm, readout
Primary = Mapping[tuple[str, str], str]  # (dataset, algorithm) -> readout


@dataclass(frozen=True)
class Settings:
    """How intervals are made: section `compare` of params.yaml.

    Attributes:
        confidence: Coverage of every interval.
        bootstrap_samples: Number of resamples.
        bootstrap_seed: Seed of the resamples; each estimate has its own stream, whatever else is in the study.
    """

    confidence: float
    bootstrap_samples: int
    bootstrap_seed: int

    def generator(self, *key: str) -> np.random.Generator:
        """The stream of resamples of one estimate."""
        return np.random.default_rng([self.bootstrap_seed, crc32("\0".join(key).encode())])

    def bootstrap(self, groups: Groups, statistic: statistics.Statistic, *key: str) -> Estimate:
        """`statistics.bootstrap` with these settings."""
        generator = self.generator(*key)
        return statistics.bootstrap(groups, statistic, self.bootstrap_samples, self.confidence, generator)

    def improvement(self, first: Groups, second: Groups, *key: str) -> Estimate:
        """`statistics.probability_of_improvement` with these settings."""
        generator = self.generator(*key)
        return statistics.probability_of_improvement(first, second, self.bootstrap_samples, self.confidence, generator)


class Board:
    """The scores of one protocol, by dataset and (algorithm, readout).

    Args:
        scores: Rows of scores.csv.
        protocol: The protocol to take.
        primary: Primary readout by (dataset, algorithm).
        draws: Which datasets are draws of one recipe.
    """

    def __init__(self, scores: pd.DataFrame, protocol: str, primary: Primary, draws: Draws) -> None:
        """Index the rows that carry a score."""
        rows = scores[(scores["protocol"] == protocol) & scores["score"].notna()]
        self.protocol = protocol
        self.primary = primary
        self.draws = draws
        self.datasets = list(dict.fromkeys(rows["dataset"]))
        self.algorithms = list(dict.fromkeys(rows["algorithm"]))
        self.entries: list[Entry] = list(dict.fromkeys(zip(rows["algorithm"], rows["readout"], strict=True)))
        found = dict(groups(rows, "dataset", "algorithm", "readout"))
        self._scores = {key: group["score"].to_numpy(dtype=float) for key, group in found.items()}
        self._seeds = {key: group["seed"].to_numpy(dtype=int) for key, group in found.items()}
        self._episodes = {key: int(group["episodes"].sum()) for key, group in found.items()}

    def scores(self, dataset: str, algorithm: str, readout: str | None = None) -> statistics.Array:
        """Scores over seeds, (seeds,), of a readout (by default the primary one); empty where there is none."""
        key = (dataset, algorithm, readout or self.primary.get((dataset, algorithm), ""))
        return self._scores.get(key, np.empty(0))

    def by_seed(self, dataset: str, entries: Sequence[tuple[str, str | None]]) -> statistics.Array:
        """Scores of several (algorithm, readout; None for the primary one) over the seeds that all of them have.

        Returns:
            (seeds, entries), in the order of the seeds: rows are paired by seed.
        """
        known, common = self._known(dataset, entries), self.seeds(dataset, entries)
        return np.array([[scores[seed] for scores in known] for seed in common]).reshape(len(common), len(entries))

    def seeds(self, dataset: str, entries: Sequence[tuple[str, str | None]]) -> list[int]:
        """The seeds that several (algorithm, readout) all have, in order: the rows of `by_seed`."""
        known = self._known(dataset, entries)
        return sorted(set.intersection(*map(set, known))) if known else []

    def _known(self, dataset: str, entries: Sequence[tuple[str, str | None]]) -> list[dict[int, float]]:
        """Scores by seed of each entry."""
        keys = [(dataset, a, readout or self.primary.get((dataset, a), "")) for a, readout in entries]
        return [dict(zip(self._seeds.get(key, ()), self._scores.get(key, ()), strict=True)) for key in keys]

    def groups(self, datasets: Sequence[str], algorithm: str, readout: str | None = None) -> Groups:
        """Scores over seeds of each task: a dataset, or the draws of one recipe among `datasets`, averaged by seed."""
        return [block.mean(axis=1) for block in self.blocks(datasets, algorithm, readout)]

    def blocks(self, datasets: Sequence[str], algorithm: str, readout: str | None = None) -> list[statistics.Array]:
        """Scores of each task over the seeds that all of its draws have, (seeds, draws)."""
        blocks = []
        for task in self.draws.tasks(datasets):
            draws = [d for d in datasets if self.draws.recipe(d) == task]
            known = [self._known(draw, [(algorithm, readout)])[0] for draw in draws]
            common = sorted(set.intersection(*map(set, known)))
            blocks.append(np.array([[scores[s] for scores in known] for s in common]).reshape(-1, len(draws)))
        return blocks

    def episodes(self, datasets: Sequence[str], algorithm: str, readout: str | None = None) -> int:
        """Number of episodes behind the scores."""
        names = [(d, algorithm, readout or self.primary.get((d, algorithm), "")) for d in datasets]
        return sum(self._episodes.get(name, 0) for name in names)

    def missing(self, dataset: str) -> list[str]:
        """Algorithms of this study that have scores, but not on this dataset."""
        return [algorithm for algorithm in self.algorithms if not len(self.scores(dataset, algorithm))]

    def common(self) -> list[str]:
        """Datasets on which every algorithm has a score: only there may means over datasets be compared."""
        return [dataset for dataset in self.datasets if not self.missing(dataset)]

    def overall(self) -> list[tuple[Entry, str | None]]:
        """What rows over datasets are made of: (names to print, readout to read; None for each dataset's primary)."""
        datasets, rows = self.common(), []
        for algorithm in self.algorithms:
            names = {self.primary[dataset, algorithm] for dataset in datasets}
            rows.append(((algorithm, names.pop() if len(names) == 1 else "primary"), None))
        printed = {entry for entry, _ in rows}
        return rows + [
            (entry, entry[1])
            for entry in self.entries
            if entry not in printed and all(len(group) for group in self.groups(datasets, *entry))
        ]


def summary_table(
    scores: pd.DataFrame, returns: pd.DataFrame, primary: Primary, draws: Draws, settings: Settings
) -> pd.DataFrame:
    """summary.csv.

    Args:
        scores: Rows of scores.csv.
        returns: Rows of returns.csv; datasets without reference scores are summarised by their raw return.
        primary: Primary readout by (dataset, algorithm).
        draws: Which datasets are draws of one recipe: one task in the rows `all`, apart elsewhere.
        settings: How intervals are made.
    """
    rows: list[dict[str, Any]] = []
    for protocol in dict.fromkeys(scores["protocol"]):
        board = Board(scores, protocol, primary, draws)
        rows += _dataset_rows(board, settings)
        rows += _overall_rows(board, settings)
    rows += _return_rows(scores, returns, settings)
    return pd.DataFrame(rows, columns=COLUMNS).astype({"seeds": "Int64", "episodes": "Int64"})


def _row(
    dataset: str, entry: Entry, protocol: str, metric: str, estimate: Estimate, seeds: int, episodes: int
) -> dict[str, Any]:
    names = {"dataset": dataset, "algorithm": entry[0], "readout": entry[1], "protocol": protocol, "metric": metric}
    return {**names, **estimate._asdict(), "seeds": seeds, "episodes": episodes}


def _dataset_rows(board: Board, settings: Settings) -> Iterator[dict[str, Any]]:
    for dataset in board.datasets:
        reference = board.scores(dataset, "qdot")
        for entry in board.entries:
            values = board.scores(dataset, *entry)
            if not len(values):
                continue
            key = (board.protocol, dataset, *entry)
            estimates = {
                "mean": statistics.t_interval(values, settings.confidence),
                "iqm": settings.bootstrap([values], statistics.interquartile_mean, "iqm", *key),
            }
            if len(reference) and entry[0] != "qdot":
                estimates[IMPROVEMENT] = settings.improvement([reference], [values], "improvement", *key)
            episodes = board.episodes([dataset], *entry)
            for metric, estimate in estimates.items():
                yield _row(dataset, entry, board.protocol, metric, estimate, len(values), episodes)


def _overall_rows(board: Board, settings: Settings) -> Iterator[dict[str, Any]]:
    """Rows over the datasets that every algorithm has; none where these are a single task."""
    datasets = board.common()
    if len(board.draws.tasks(datasets)) < 2:
        return
    reference = board.groups(datasets, "qdot")
    for entry, readout in board.overall():
        scores = board.groups(datasets, entry[0], readout)
        key = (board.protocol, ALL, *entry)
        estimates = {
            "mean": settings.bootstrap(scores, statistics.mean_of_datasets, "mean", *key),
            "iqm": settings.bootstrap(scores, statistics.interquartile_mean, "iqm", *key),
        }
        if entry[0] != "qdot" and all(len(group) for group in reference):
            estimates[IMPROVEMENT] = settings.improvement(reference, scores, "improvement", *key)
        episodes = board.episodes(datasets, entry[0], readout)
        if not all(len(group) for group in scores):
            continue  # no seed has all draws of a recipe
        for metric, estimate in estimates.items():
            yield _row(ALL, entry, board.protocol, metric, estimate, min(map(len, scores)), episodes)


def _return_rows(scores: pd.DataFrame, returns: pd.DataFrame, settings: Settings) -> Iterator[dict[str, Any]]:
    """Raw returns of the datasets on which no score is defined."""
    scored = set(scores.loc[scores["score"].notna(), "dataset"])
    keys = ("dataset", "algorithm", "readout", "protocol")
    for (dataset, algorithm, readout, protocol), group in groups(returns, *keys):
        if dataset not in scored:
            estimate = statistics.t_interval(group["return"].to_numpy(dtype=float), settings.confidence)
            episodes = int(group["episodes"].sum())
            yield _row(dataset, (algorithm, readout), protocol, "return", estimate, len(group), episodes)


def coverage_table(scores: pd.DataFrame, primary: Primary) -> pd.DataFrame:
    """Which datasets the rows named `all` of summary.csv are over, and which algorithms keep the others out."""
    rows = []
    for protocol in dict.fromkeys(scores["protocol"]):
        board = Board(scores, protocol, primary, Draws({}))
        for dataset in dict.fromkeys(scores["dataset"]):
            missing = board.missing(dataset)
            rows.append((protocol, dataset, not missing and bool(board.algorithms), " ".join(missing)))
    return pd.DataFrame(rows, columns=["protocol", "dataset", "included", "missing"])
