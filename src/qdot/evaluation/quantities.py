"""What the claims measure: each quantity is an estimate with its datasets, its seeds and remarks."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from qdot.evaluation import statistics
from qdot.evaluation.statistics import Array, Estimate, Groups
from qdot.evaluation.summary import Board, Settings


class Untestable(Exception):
    """What a quantity needs was not run: no error, the claim's verdict is `not tested` with this reason."""


@dataclass(frozen=True)
class Evidence:
    """What a study measured.

    Attributes:
        board: Scores of the claims' protocol.
        evaluations: Evaluations during training of cells that are ok.
        curves: Logged quantities of cells that are ok.
        rates: Seed-steps per second by (dataset, algorithm).
        settings: How intervals are made.
    """

    board: Board
    evaluations: pd.DataFrame
    curves: pd.DataFrame
    rates: Mapping[tuple[str, str], float]
    settings: Settings


@dataclass(frozen=True)
class Finding:
    """A measured quantity.

    Attributes:
        estimate: Value and interval.
        datasets: Datasets that entered.
        seeds: Smallest number of seeds of any (dataset, algorithm) that entered.
        remarks: Sentences on what was compared.
    """

    estimate: Estimate
    datasets: Sequence[str]
    seeds: int
    remarks: list[str] = field(default_factory=list)


def gain_over_best(evidence: Evidence, datasets: Sequence[str], baselines: Sequence[str]) -> Finding:
    """Q-DOT's score minus that of the baseline with the highest mean, in points.

    The best baseline is chosen on the same runs, which favours it. One dataset: Welch's interval over seeds; several:
    difference of means over datasets, seeds resampled within each.
    """
    board = evidence.board
    own = [d for d in datasets if len(board.scores(d, "qdot"))]
    if not own:
        raise Untestable("qdot has no score on the claim's datasets")
    ran = [a for a in baselines if any(len(board.scores(d, a)) for d in own)]
    if not ran:
        raise Untestable(f"no baseline has a score on {', '.join(own)}")
    used = [d for d in own if all(len(board.scores(d, a)) for a in ran)]
    if not used:
        raise Untestable(f"qdot and the baselines {', '.join(ran)} have no dataset in common")
    means = {a: float(np.mean([np.mean(board.scores(d, a)) for d in used])) for a in ran}
    best = max(ran, key=lambda algorithm: means[algorithm])
    first, second = board.groups(used, "qdot"), board.groups(used, best)
    estimate = _difference(evidence.settings, first, second, ("gain", *used))
    mine = float(np.mean([np.mean(group) for group in first]))
    remarks = [f"Q-DOT {mine:.1f}, best baseline {best} {means[best]:.1f}, of {', '.join(ran)}."]
    absent = [algorithm for algorithm in baselines if algorithm not in ran]
    if absent:
        remarks.append(f"Baselines of the paper's margin that have no score here: {', '.join(absent)}.")
    return Finding(estimate, used, min(map(len, (*first, *second))), remarks)


def _difference(settings: Settings, first: Groups, second: Groups, key: tuple[str, ...]) -> Estimate:
    if len(first) == 1:
        return statistics.welch_interval(first[0], second[0], settings.confidence)
    return statistics.bootstrap_difference(
        first,
        second,
        statistics.mean_of_datasets,
        settings.bootstrap_samples,
        settings.confidence,
        settings.generator(*key),
    )


def steadiness(evidence: Evidence, datasets: Sequence[str], baselines: Sequence[str], against: str) -> Finding:
    """How much more a seed's score wanders over the second half of training under `against` than under Q-DOT."""
    groups: dict[str, dict[str, Array]] = {name: {} for name in ("qdot", against)}
    for algorithm, by_dataset in groups.items():
        for dataset in datasets:
            wander = _wander(evidence, dataset, algorithm)
            if len(wander):
                by_dataset[dataset] = wander
    used = [d for d in datasets if all(d in by_dataset for by_dataset in groups.values())]
    if not used:
        absent = [name for name, by_dataset in groups.items() if not by_dataset] or ["their common datasets"]
        raise Untestable(f"no scores during training of {', '.join(absent)}")
    first, second = [groups[against][d] for d in used], [groups["qdot"][d] for d in used]
    estimate = _difference(evidence.settings, first, second, ("steadiness", *used))
    return Finding(estimate, used, min(map(len, (*first, *second))))


def _wander(evidence: Evidence, dataset: str, algorithm: str) -> Array:
    """Standard deviation over the second half of training of each seed's score, (seeds,)."""
    rows = evidence.evaluations
    readout = evidence.board.primary.get((dataset, algorithm))
    rows = rows[(rows["dataset"] == dataset) & (rows["algorithm"] == algorithm) & (rows["readout"] == readout)]
    late = rows[rows["step"] > rows["step"].max() / 2] if len(rows) else rows
    return np.asarray(late.groupby("seed")["score"].std().dropna(), dtype=np.float64)


def cost_ratio(evidence: Evidence, datasets: Sequence[str], baselines: Sequence[str], against: str) -> Finding:
    """Time of a training step, Q-DOT over `against`: geometric mean over datasets, t interval over datasets."""
    rates = evidence.rates
    used = [d for d in datasets if (d, "qdot") in rates and (d, against) in rates]
    if not used:
        raise Untestable(f"no training times of qdot and {against} on a common dataset")
    logs = np.log([rates[d, against] / rates[d, "qdot"] for d in used])
    estimate = Estimate(*map(math.exp, statistics.t_interval(logs, evidence.settings.confidence)))
    counts = evidence.curves.groupby(["dataset", "algorithm"])["seed"].nunique()
    seeds = min((int(counts.get((d, a), 0)) for d in used for a in ("qdot", against)), default=0)
    return Finding(estimate, used, seeds, ["A wall clock: it holds for this machine and what else ran on it."])


def displacement_ratio(
    evidence: Evidence, datasets: Sequence[str], baselines: Sequence[str], others: Sequence[str]
) -> Finding:
    """Root mean square displacement of Q-DOT's map at the last logged step, `datasets` over `others`."""
    here, there = ([group for d in names if len(group := _displacement(evidence, d))] for names in (datasets, others))
    if not here or not there:
        raise Untestable("no transport cost of qdot on HalfCheetah" if not here else "no other dataset to compare with")
    used = [d for d in (*datasets, *others) if len(_displacement(evidence, d))]
    settings = evidence.settings
    estimate = statistics.bootstrap_difference(
        here,
        there,
        statistics.mean_of_datasets,
        settings.bootstrap_samples,
        settings.confidence,
        settings.generator("displacement", *used),
    )
    return Finding(Estimate(*map(math.exp, estimate)), used, min(map(len, (*here, *there))))


def _displacement(evidence: Evidence, dataset: str) -> Array:
    """Logarithm of the root of the transport cost at the last logged step of each seed, (seeds,)."""
    rows = evidence.curves
    rows = rows[(rows["dataset"] == dataset) & (rows["algorithm"] == "qdot") & (rows["quantity"] == "transport_cost")]
    last = rows.sort_values("step", kind="stable").groupby("seed")["value"].last().to_numpy(dtype=float)
    logs: Array = 0.5 * np.log(np.maximum(last, 1e-24))
    return logs


QUANTITIES: dict[str, Callable[..., Finding]] = {
    "gain_over_best": gain_over_best,
    "steadiness": steadiness,
    "cost_ratio": cost_ratio,
    "displacement_ratio": displacement_ratio,
}


def measure(
    name: str, evidence: Evidence, datasets: Sequence[str], baselines: Sequence[str], **options: Any
) -> Finding:
    """Measure the quantity of a name; `claims.yaml` gives the options."""
    return QUANTITIES[name](evidence, datasets, baselines, **options)
