"""Claim 7 (the paper's supplement 8): how far the map moves actions, and whether those of poor episodes go further.

Episodes are those of the data. Their returns are fixed while maps differ by seed, so seeds and behaviour clusters
(episodes that one behaviour made) are crossed: both are resampled, each on its own, and a cluster always whole.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from qdot.evaluation.evidence import Evidence, Finding, Secondary, Untestable
from qdot.evaluation.measures import DrawMeasure, greatest, two_sided
from qdot.evaluation.statistics import Array, Estimate
from qdot.evaluation.summary import Settings
from qdot.evaluation.tasks import mean_over_tasks
from qdot.frames import groups

RATIO = "displacement_over_sd"  # median of ||T(s, a) - a|| over that of sd(a|s), a column of curve.csv
COLUMNS = ["dataset", "algorithm", "measure", "value", "low", "high", "p", "episodes", "clusters", "seeds", "status"]
MEASURES = ("displacement", "imitation_distance")


def near_identity(evidence: Evidence, datasets: Sequence[str], algorithms: Sequence[str]) -> Finding:
    """The last `displacement_over_sd`, mean over seeds and datasets, the largest over `algorithms`.

    Args:
        evidence: What the study measured.
        datasets: Datasets on which the map should stay near the identity.
        algorithms: Variants of Q-DOT, one for each scale of Q that the claim is judged under.
    """
    rows = evidence.curves[evidence.curves["quantity"] == RATIO]
    parts, used, remarks, fewest = [], [], [], []
    for algorithm in algorithms:
        last = [_last(rows, dataset, algorithm) for dataset in datasets]
        known = [values for values in last if len(values)]
        if not known:
            raise Untestable(f"no {RATIO} in the curves of {algorithm} on {', '.join(datasets)}")
        parts.append(mean_over_tasks(known, evidence.settings, "identity", algorithm, *datasets))
        used += [dataset for dataset, values in zip(datasets, last, strict=True) if len(values)]
        fewest.append(min(map(len, known)))
        remarks.append(f"{algorithm}: {parts[-1].value:.3f}.")
    return Finding(greatest(parts), list(dict.fromkeys(used)), list(algorithms), min(fewest), remarks)


def _last(rows: pd.DataFrame, dataset: str, algorithm: str) -> Array:
    """The last value of each seed, (seeds,)."""
    own = rows[(rows["dataset"] == dataset) & (rows["algorithm"] == algorithm)].sort_values("step", kind="stable")
    return own.groupby("seed")["value"].last().to_numpy(dtype=float)


def return_correlation(evidence: Evidence, datasets: Sequence[str], minimum_episodes: int) -> Finding:
    """Rank correlation of an episode's return with its mean ||T(s, a) - a||, given its length; mean over datasets.

    Beside it the same with |a - behaviour mean| in the place of the displacement, which needs no map: where the two
    agree, the map adds nothing to what imitation knows.
    """
    rows = evidence.dataset_episodes
    rows = rows[rows["algorithm"] == "qdot"] if len(rows) else rows
    found = {d: group for d in datasets if len(group := rows[rows["dataset"] == d])} if len(rows) else {}
    if not found:
        raise Untestable("no dataset_episodes.csv among the evaluated cells of qdot on these datasets")
    small = [d for d, group in found.items() if group["episode"].nunique() < minimum_episodes]
    used = {d: group for d, group in found.items() if d not in small}
    if not used:
        raise Untestable(f"{', '.join(small)}: fewer than {minimum_episodes} episodes")
    remarks = [f"Not tested, fewer than {minimum_episodes} episodes: {', '.join(small)}."] if small else []
    measures = {
        name: _average([correlation(group, name, evidence.settings, d) for d, group in used.items()])
        for name in MEASURES
    }
    beside = measures["imitation_distance"].interval(evidence.settings.confidence)
    secondary = [Secondary("the same correlation with |a - behaviour mean|, which needs no map", beside)]
    seeds = min(group["seed"].nunique() for group in used.values())
    return Finding(measures["displacement"], list(used), ["qdot"], seeds, remarks, secondary=secondary)


def correlation(episodes: pd.DataFrame, name: str, settings: Settings, dataset: str) -> DrawMeasure:
    """Partial rank correlation of `name` and `return` given `length`, mean over seeds, with crossed bootstrap draws.

    Ranks are those of the whole data in every resample. The draws' degrees of freedom weigh those of seeds and of
    clusters by the variance that either brings.

    Args:
        episodes: Rows of dataset_episodes.csv of one (dataset, algorithm).
        name: `displacement` or `imitation_distance`.
        settings: Number of resamples.
        dataset: Names the stream of resamples.
    """
    codes = episodes["cluster"].astype("category").cat.codes.to_numpy()
    order = episodes.assign(code=codes).sort_values(["seed", "episode"], kind="stable")
    maps = [rows for _, rows in order.groupby("seed", sort=True)]
    ranks = [[stats.rankdata(rows[column]) / len(rows) for column in (name, "return", "length")] for rows in maps]
    return cluster_measure(np.array(ranks), maps[0]["code"].to_numpy(dtype=np.int64), settings, name, dataset)


def cluster_measure(ranks: Array, codes: npt.NDArray[np.int64], settings: Settings, *key: str) -> DrawMeasure:
    """The mean over maps of the partial correlation, with seeds and clusters resampled.

    Args:
        ranks: Ranks of displacement, return and length under each map, (seeds, 3, episodes).
        codes: Cluster of each episode from 0 on, (episodes,).
        settings: Number of resamples.
        key: Names the stream of resamples.
    """
    clusters = int(codes.max()) + 1
    moments = np.stack([_moments(x, y, z, codes, clusters) for x, y, z in ranks])  # (seeds, clusters, 10)
    seeds = len(moments)
    generator, samples = settings.generator("supplement", *key), settings.bootstrap_samples
    seed_counts = generator.multinomial(seeds, np.full(seeds, 1 / seeds), samples)
    cluster_counts = generator.multinomial(clusters, np.full(clusters, 1 / clusters), samples)
    own = partial(moments.sum(axis=1))  # (seeds,)
    resampled = np.stack([partial(cluster_counts @ seed) for seed in moments], axis=1)  # (samples, seeds)
    draws = (resampled * seed_counts).sum(axis=1) / seeds
    between = float(np.var(own)) / seeds
    within = float(np.var(resampled.mean(axis=1)))
    freedom, widening = _crossed(between, within, seeds, clusters)
    return DrawMeasure(float(own.mean()), draws, freedom, widening)


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
            measure = correlation(group, name, settings, dataset)
            interval: Estimate = measure.interval(settings.confidence)
            table.append((dataset, algorithm, name, *interval, two_sided(measure), *counts, "ok"))
    return pd.DataFrame(table, columns=COLUMNS)
