"""What the claims measure: each quantity is a measure with its datasets, its seeds and remarks."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from qdot.evaluation.evidence import Evidence, Finding, Untestable
from qdot.evaluation.measures import Exponential, TMeasure
from qdot.evaluation.stability import steadiness
from qdot.evaluation.supplement import near_identity, return_correlation
from qdot.evaluation.tasks import least_over_tasks, mean_over_tasks

TRANSPORT_COLUMNS = ["study", "problem", "map", "samples", "dim", "seed", "metric", "value"]


def gain_over_best(evidence: Evidence, datasets: Sequence[str], baselines: Sequence[str]) -> Finding:
    """Q-DOT's score minus that of the baseline with the highest mean, in points: the least of its gains over them.

    Seeds are paired. One dataset: a paired t test against every baseline; several: seeds are resampled within each and
    the best baseline is chosen again in every resample.
    """
    board = evidence.board
    own = [d for d in datasets if len(board.scores(d, "qdot"))]
    if not own:
        raise Untestable("qdot has no score on the claim's datasets")
    ran = [a for a in baselines if any(len(board.scores(d, a)) for d in own)]
    if not ran:
        raise Untestable(f"no baseline has a score on {', '.join(own)}")
    scores = {d: board.by_seed(d, [(a, None) for a in ("qdot", *ran)]) for d in own}
    used = [d for d in own if len(scores[d])]
    if not used:
        raise Untestable(f"qdot and the baselines {', '.join(ran)} have no dataset and seed in common")
    gains = [scores[d][:, :1] - scores[d][:, 1:] for d in used]
    measure = least_over_tasks(gains, evidence.settings, "gain", *used)
    mine, *others = np.mean([scores[d].mean(axis=0) for d in used], axis=0)
    best = int(np.argmax(others))
    remarks = [f"Q-DOT {mine:.1f}, best baseline {ran[best]} {others[best]:.1f}, of {', '.join(ran)}."]
    absent = [algorithm for algorithm in baselines if algorithm not in ran]
    if absent:
        remarks.append(f"Baselines of the paper's margin that have no score here: {', '.join(absent)}.")
    return Finding(measure, used, ["qdot", *ran], min(len(scores[d]) for d in used), remarks)


def score_difference(evidence: Evidence, datasets: Sequence[str], against: str) -> Finding:
    """Q-DOT's score minus that of `against`, both by their primary readout, paired by seed, in points."""
    scores = {d: evidence.board.by_seed(d, [("qdot", None), (against, None)]) for d in datasets}
    used = [d for d in datasets if len(scores[d])]
    if not used:
        raise Untestable(f"qdot and {against} have no dataset and seed in common")
    differences = [scores[d][:, 0] - scores[d][:, 1] for d in used]
    measure = mean_over_tasks(differences, evidence.settings, "difference", against, *used)
    return Finding(measure, used, ["qdot", against], min(map(len, differences)))


def cost_ratio(evidence: Evidence, datasets: Sequence[str], against: str) -> Finding:
    """Time of a training step, Q-DOT over `against`: geometric mean over datasets, t interval over datasets."""
    rates = evidence.rates
    used = [d for d in datasets if (d, "qdot") in rates and (d, against) in rates]
    if not used:
        raise Untestable(f"no training times of qdot and {against} on a common dataset")
    logs = np.log([rates[d, against] / rates[d, "qdot"] for d in used])
    counts = evidence.curves.groupby(["dataset", "algorithm"])["seed"].nunique()
    seeds = min((int(counts.get((d, a), 0)) for d in used for a in ("qdot", against)), default=0)
    remark = "A wall clock: it holds for this machine and what else ran on it."
    return Finding(Exponential(TMeasure.of(logs)), used, ["qdot", against], seeds, [remark])


def transport_difference(
    evidence: Evidence,
    datasets: Sequence[str],
    table: str,
    metric: str,
    where: Mapping[str, Any],
    first: str,
    second: str | None = None,
) -> Finding:
    """A metric of the transport studies: of the map `first`, minus that of the map `second` where one is named.

    Paired by seed, one t test over seeds.

    Args:
        evidence: What the study measured.
        datasets: None: the problems are synthetic.
        table: The studies' table, `lqr` for lqr.csv.
        metric: Its metric.
        where: Values of other columns that the rows must have.
        first: A map.
        second: Another map.
    """
    if table not in evidence.transport:
        raise Untestable(f"transport/{table}.csv is not there: the transport studies have not run in this suite")
    rows = evidence.transport[table]
    missing = [column for column in TRANSPORT_COLUMNS if column not in rows.columns]
    if missing:
        raise Untestable(f"transport/{table}.csv has no column {', '.join(missing)}")
    for column, value in {**where, "metric": metric}.items():
        rows = rows[rows[column] == value]
    values = {name: _by_seed(rows, name) for name in (first, second) if name is not None}
    for name, found in values.items():
        if found.empty:
            places = ", ".join(f"{column} {value}" for column, value in where.items())
            raise Untestable(f"transport/{table}.csv has no {metric} of the map {name} at {places}")
    series = values[first] if second is None else (values[first] - values[second]).dropna()
    if series.empty:
        raise Untestable(f"the maps {first} and {second} have no seed in common in transport/{table}.csv")
    remarks = [f"{name}: {found.mean():.4g}." for name, found in values.items()]
    return Finding(TMeasure.of(series.to_numpy(dtype=float)), [], list(values), len(series), remarks)


def _by_seed(rows: pd.DataFrame, name: str) -> pd.Series:
    return rows[rows["map"] == name].groupby("seed")["value"].mean()


QUANTITIES: dict[str, Callable[..., Finding]] = {
    "gain_over_best": gain_over_best,
    "score_difference": score_difference,
    "steadiness": steadiness,
    "cost_ratio": cost_ratio,
    "near_identity": near_identity,
    "return_correlation": return_correlation,
    "transport_difference": transport_difference,
}


def measure(name: str, evidence: Evidence, datasets: Sequence[str], **options: Any) -> Finding:
    """Measure the quantity of a name; `claims.yaml` gives the options."""
    return QUANTITIES[name](evidence, datasets, **options)
