"""Claim 7 (the paper's supplement 8): how far the map moves actions, and whether those of poor episodes go further.

Episodes are those of the data. Their returns are fixed while maps differ by seed, so seeds and behaviour clusters
(episodes that one behaviour made) are crossed: both are resampled, each on its own, and a cluster always whole.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from qdot.evaluation.draws import average
from qdot.evaluation.evidence import Evidence, Finding, Secondary, Untestable
from qdot.evaluation.measures import DrawMeasure, greatest, two_sided
from qdot.evaluation.statistics import Array, Estimate
from qdot.evaluation.summary import Settings
from qdot.evaluation.tasks import mean_over_tasks
from qdot.frames import groups

RATIO = "displacement_over_sd"  # median of the ratio ||T(s, a) - a|| / sd(a|s), a column of curve.csv
COLUMNS = ["dataset", "algorithm", "measure", "value", "low", "high", "p", "episodes", "clusters", "seeds", "status"]
MEASURES = ("displacement", "imitation_distance")


def near_identity(evidence: Evidence, datasets: Sequence[str], algorithms: Sequence[str]) -> Finding:
    """The last `displacement_over_sd`, mean over draws, seeds and datasets, the largest over `algorithms`.

    sd(a|s) is that of the cell's behaviour model. A Gaussian with one sd for all states makes it too large where the
    data mix policies, which favours "near the identity"; `behaviour: mixture` is the alternative.

    Args:
        evidence: What the study measured.
        datasets: Datasets on which the map should stay near the identity.
        algorithms: Variants of Q-DOT, one for each scale of Q that the claim is judged under.
    """
    rows = evidence.curves[evidence.curves["quantity"] == RATIO]
    parts, remarks, fewest = [], [], []
    used: list[str] = []
    for algorithm in algorithms:
        last = {d: _last(rows, d, algorithm) for task in datasets for d in evidence.draws.members(task)}
        last = {dataset: values for dataset, values in last.items() if len(values)}
        by_task = [[last[d] for d in evidence.draws.members(task) if d in last] for task in datasets]
        known = [np.asarray(values) for draws in by_task if len(values := average(draws))]
        if not known:
            raise Untestable(f"no {RATIO} in the curves of {algorithm} on {', '.join(datasets)}")
        parts.append(mean_over_tasks(known, evidence.settings, "identity", algorithm, *datasets))
        used += last
        fewest.append(min(map(len, known)))
        remarks.append(f"{algorithm}: {parts[-1].value:.3f}.")
    return Finding(greatest(parts), list(dict.fromkeys(used)), list(algorithms), min(fewest), remarks)


def _last(rows: pd.DataFrame, dataset: str, algorithm: str) -> "pd.Series[float]":
    """The last value of each seed."""
    own = rows[(rows["dataset"] == dataset) & (rows["algorithm"] == algorithm)].sort_values("step", kind="stable")
    return own.groupby("seed")["value"].last().astype(float)


def return_correlation(evidence: Evidence, datasets: Sequence[str], minimum_episodes: int) -> Finding:
    """Rank correlation of an episode's return with its mean ||T(s, a) - a||, given its length; mean over datasets.

    Beside it the same with |a - behaviour mean| in the place of the displacement, which needs no map: where the two
    agree, the map adds nothing to what imitation knows.
    """
    table = evidence.dataset_episodes
    table = table[table["algorithm"] == "qdot"] if len(table) else table
    everywhere = [d for task in datasets for d in evidence.draws.members(task)]
    found = {d: group for d in everywhere if len(group := table[table["dataset"] == d])} if len(table) else {}
    if not found:
        raise Untestable("no dataset_episodes.csv among the evaluated cells of qdot on these datasets")
    small = [d for d, group in found.items() if group["episode"].nunique() < minimum_episodes]
    tasks = [[d for d in found if d not in small and evidence.draws.recipe(d) == task] for task in datasets]
    if not any(tasks):
        raise Untestable(f"{', '.join(small)}: fewer than {minimum_episodes} episodes")
    used = [rows for draws in tasks if draws and (rows := _common_seeds([found[d] for d in draws]))]
    if not used:
        raise Untestable(f"the draws {', '.join(found)} have no seed in common")
    remarks = [f"Not tested, fewer than {minimum_episodes} episodes: {', '.join(small)}."] if small else []
    measures = {name: _average([correlation(group, name, evidence.settings) for group in used]) for name in MEASURES}
    beside = measures["imitation_distance"].interval(evidence.settings.confidence)
    secondary = [Secondary("the same correlation with |a - behaviour mean|, which needs no map", beside)]
    seeds = min(group[0]["seed"].nunique() for group in used)
    members = [str(each["dataset"].iloc[0]) for group in used for each in group]
    return Finding(measures["displacement"], members, ["qdot"], seeds, remarks, secondary=secondary)


def _common_seeds(draws: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    """The rows of the seeds that all draws of a recipe have; nothing where they have none in common."""
    common = set.intersection(*(set(rows["seed"]) for rows in draws))
    return [rows[rows["seed"].isin(common)] for rows in draws] if common else []


def correlation(draws: Sequence[pd.DataFrame], name: str, settings: Settings) -> DrawMeasure:
    """Partial rank correlation of `name` and `return` given `length`, mean over seeds, with crossed bootstrap draws.

    Ranks are those of the whole data in every resample. The resamples' degrees of freedom weigh those of seeds and of
    clusters by the variance that either brings.

    Args:
        draws: Rows of dataset_episodes.csv of one algorithm on a dataset, or on every draw of a recipe (same seeds).
        name: `displacement` or `imitation_distance`.
        settings: Number of resamples.
    """
    found = [_ranked(rows, name) for rows in draws]
    return cluster_measure(found, settings, name, *(str(rows["dataset"].iloc[0]) for rows in draws))


class Ranked(NamedTuple):
    """One dataset's episodes.

    Attributes:
        ranks: Ranks of displacement, return and length under each map, (seeds, 3, episodes).
        codes: Cluster of each episode from 0 on, (episodes,).
    """

    ranks: Array
    codes: npt.NDArray[np.int64]


def _ranked(episodes: pd.DataFrame, name: str) -> Ranked:
    codes = episodes["cluster"].astype("category").cat.codes.to_numpy()
    order = episodes.assign(code=codes).sort_values(["seed", "episode"], kind="stable")
    maps = [rows for _, rows in order.groupby("seed", sort=True)]
    ranks = [[stats.rankdata(rows[column]) / len(rows) for column in (name, "return", "length")] for rows in maps]
    return Ranked(np.array(ranks), maps[0]["code"].to_numpy(dtype=np.int64))


def cluster_measure(draws: Sequence[Ranked], settings: Settings, *key: str) -> DrawMeasure:
    """The mean over maps of the partial correlation, with seeds and clusters resampled.

    Args:
        draws: A dataset, or every draw of a recipe under the same seeds: the correlations of a seed are averaged, seeds
            are resampled for all draws together, and clusters within each draw.
        settings: Number of resamples.
        key: Names the stream of resamples.
    """
    seeds, fewest = len(draws[0].ranks), min(int(draw.codes.max()) + 1 for draw in draws)
    generator, samples = settings.generator("supplement", *key), settings.bootstrap_samples
    seed_counts = generator.multinomial(seeds, np.full(seeds, 1 / seeds), samples)
    each = [_resampled_clusters(draw, samples, generator) for draw in draws]
    own: Array = np.mean([found for found, _ in each], axis=0)  # (seeds,)
    resampled: Array = np.mean([found for _, found in each], axis=0)  # (samples, seeds)
    lines = (resampled * seed_counts).sum(axis=1) / seeds
    between = float(np.var(own)) / seeds
    within = float(np.var(resampled.mean(axis=1)))
    freedom, widening = _crossed(between, within, seeds, fewest)
    return DrawMeasure(float(own.mean()), lines, freedom, widening)


def _resampled_clusters(draw: Ranked, samples: int, generator: np.random.Generator) -> tuple[Array, Array]:
    """Correlations of each map, (seeds,), and with clusters resampled, (samples, seeds)."""
    clusters = int(draw.codes.max()) + 1
    moments = np.stack([_moments(x, y, z, draw.codes, clusters) for x, y, z in draw.ranks])  # (seeds, clusters, 10)
    counts = generator.multinomial(clusters, np.full(clusters, 1 / clusters), samples)
    return partial(moments.sum(axis=1)), np.stack([partial(counts @ seed) for seed in moments], axis=1)


def _crossed(between: float, within: float, seeds: int, clusters: int) -> tuple[float, float]:
    """Degrees of freedom and widening from the variances that seeds and clusters bring; (0, 1) where either is one."""
    if min(seeds, clusters) < 2:
        return 0.0, 1.0
    grown = between * seeds / (seeds - 1), within * clusters / (clusters - 1)
    total = between + within
    if total == 0:
        return float(min(seeds, clusters) - 1), 1.0
    freedom = sum(grown) ** 2 / (grown[0] ** 2 / (seeds - 1) + grown[1] ** 2 / (clusters - 1))
    return freedom, math.sqrt(sum(grown) / total)


def _moments(x: Array, y: Array, z: Array, codes: npt.NDArray[np.int64], clusters: int) -> Array:
    """Sums over each cluster of the count, the ranks and their products: (clusters, 10)."""
    terms = np.stack([np.ones(len(x)), x, y, z, x * x, y * y, z * z, x * y, x * z, y * z])
    return np.stack([np.bincount(codes, weights=term, minlength=clusters) for term in terms], axis=1)


def partial(sums: Array) -> Array:
    """Partial correlation of x and y given z from sums (..., 10): a constant z takes nothing out."""
    count = sums[..., 0]
    x, y, z = (sums[..., i] / count for i in (1, 2, 3))
    xx, yy, zz = (sums[..., i] / count - m * m for i, m in ((4, x), (5, y), (6, z)))
    xy, xz, yz = (sums[..., i] / count - m * n for i, m, n in ((7, x, y), (8, x, z), (9, y, z)))
    rxy, rxz, ryz = _ratio(xy, xx * yy), _ratio(xz, xx * zz), _ratio(yz, yy * zz)
    return _ratio(rxy - rxz * ryz, (1 - rxz**2) * (1 - ryz**2))


def _ratio(top: Array, square: Array) -> Array:
    safe = square > 1e-18
    return np.where(safe, top / np.sqrt(np.where(safe, square, 1.0)), 0.0)


def _average(parts: Sequence[DrawMeasure]) -> DrawMeasure:
    """Mean over datasets, whose draws are independent."""
    variances = np.array([float(np.var(part.draws)) for part in parts])
    freedoms = np.array([part.freedom for part in parts])
    total = variances.sum()
    freedom = float(freedoms.min())
    if freedom > 0 and total > 0:
        freedom = float(total**2 / np.sum(variances**2 / freedoms))
    value, draws = float(np.mean([part.value for part in parts])), np.mean([part.draws for part in parts], axis=0)
    return DrawMeasure(value, draws, freedom, max(part.widening for part in parts))


def supplement_table(rows: pd.DataFrame, minimum_episodes: int, settings: Settings) -> pd.DataFrame:
    """supplement.csv: the correlations by (dataset, algorithm); `not tested` where the data have too few episodes."""
    table = []
    for (dataset, algorithm), group in groups(rows, "dataset", "algorithm"):
        counts = (group["episode"].nunique(), group["cluster"].nunique(), group["seed"].nunique())
        for name in MEASURES:
            if counts[0] < minimum_episodes:
                reason = f"not tested: fewer than {minimum_episodes} episodes"
                table.append((dataset, algorithm, name, *[math.nan] * 4, *counts, reason))
                continue
            measure = correlation([group], name, settings)
            interval: Estimate = measure.interval(settings.confidence)
            table.append((dataset, algorithm, name, *interval, two_sided(measure), *counts, "ok"))
    return pd.DataFrame(table, columns=COLUMNS)
