"""Ours against d3rlpy, by dataset and algorithm: difference of mean scores, 90% interval, verdict."""

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats
from settings import ALGORITHMS, ALIGNED, CONFIDENCE, DATASETS, MORE_SEEDS, OURS, SEEDS, SHIPPED

Row = dict[str, str]
COLUMNS = ("dataset", "algorithm", "variant", "seed", "score", "episodes", "steps", "made_by")


class Estimate(NamedTuple):
    """A difference and its interval; `low` and `high` are NaN where there are fewer than two seeds."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """Ours minus one variant of d3rlpy's, on one dataset.

    Attributes:
        dataset: Its name.
        algorithm: Its name.
        variant: `shipped` or `aligned`.
        ours: Mean score of our seeds.
        theirs: Mean score of its seeds.
        seeds: Seeds that both have.
        difference: Ours minus theirs, with Welch's 90% interval over seeds.
        margin: What counts as agreement.
    """

    dataset: str
    algorithm: str
    variant: str
    ours: float
    theirs: float
    seeds: int
    difference: Estimate
    margin: float

    @property
    def verdict(self) -> str:
        """`agrees` (interval inside the margin), `differs` (it excludes 0), `inconclusive`; or how many are missing."""
        if self.seeds < SEEDS:
            return f"not yet: {self.seeds} of {SEEDS}"
        if -self.margin <= self.difference.low and self.difference.high <= self.margin:
            return "agrees"
        return "inconclusive" if self.difference.low <= 0 <= self.difference.high else "differs"


def read(path: Path) -> list[Row]:
    """The rows of scores.csv; none where the file is not there."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def compare(rows: Iterable[Row], variant: str) -> list[Comparison]:
    """Ours against a variant, wherever both have a seed in common; only those seeds count.

    The first `SEEDS` of them, or `MORE_SEEDS` where those are there: a verdict is given at two numbers of seeds only.
    """
    scores: dict[tuple[str, str, str], dict[int, float]] = {}
    for row in rows:
        scores.setdefault((row["dataset"], row["algorithm"], row["variant"]), {})[int(row["seed"])] = float(
            row["score"]
        )
    found = []
    for dataset, compared in DATASETS.items():
        for algorithm in ALGORITHMS:
            ours, theirs = (scores.get((dataset, algorithm, name), {}) for name in (OURS, variant))
            seeds = sorted(ours.keys() & theirs.keys())
            seeds = seeds[: MORE_SEEDS if len(seeds) >= MORE_SEEDS else SEEDS]
            if seeds:
                first, second = (np.array([side[seed] for seed in seeds]) for side in (ours, theirs))
                difference = difference_of_means(first, second)
                means = float(first.mean()), float(second.mean())
                found.append(Comparison(dataset, algorithm, variant, *means, len(seeds), difference, compared.margin))
    return found


def difference_of_means(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> Estimate:
    """Mean of first minus mean of second, one number per seed each, with Welch's 90% t interval."""
    value = float(first.mean() - second.mean())
    if min(len(first), len(second)) < 2:
        return Estimate(value, math.nan, math.nan)
    if first.std() == 0 and second.std() == 0:
        return Estimate(value, value, value)
    interval = stats.ttest_ind(first, second, equal_var=False).confidence_interval(CONFIDENCE)
    return Estimate(value, float(interval.low), float(interval.high))


def too_wide(rows: list[Row]) -> set[tuple[str, str]]:
    """The (dataset, algorithm) whose first seeds say neither that it agrees nor that it differs: those get more."""
    return {(c.dataset, c.algorithm) for c in compare(rows, SHIPPED) if (c.verdict, c.seeds) == ("inconclusive", SEEDS)}


def unexplained(rows: list[Row]) -> set[tuple[str, str]]:
    """The (dataset, algorithm) that differs from d3rlpy as shipped: those are run aligned too."""
    return {(c.dataset, c.algorithm) for c in compare(rows, SHIPPED) if c.verdict == "differs"}


def verdicts(rows: list[Row]) -> Mapping[tuple[str, str], str]:
    """The verdict of each (dataset, algorithm): as shipped, or `explained` where it differs and aligned agrees."""
    aligned = {(c.dataset, c.algorithm): c.verdict for c in compare(rows, ALIGNED)}
    found = {}
    for shipped in compare(rows, SHIPPED):
        key = shipped.dataset, shipped.algorithm
        explained = shipped.verdict == "differs" and aligned.get(key) == "agrees"
        found[key] = "explained" if explained else shipped.verdict
    return found
