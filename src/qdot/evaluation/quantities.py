"""What the claims measure: each quantity is a measure with its datasets, its seeds and remarks.

A quantity is given tasks: datasets, where the draws of one recipe are one (`qdot.evaluation.draws`). A finding names
the datasets that entered, every draw of them.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from qdot.evaluation.evidence import Evidence, Finding, Untestable
from qdot.evaluation.measures import Exponential, TMeasure
from qdot.evaluation.stability import steadiness
from qdot.evaluation.supplement import near_identity, return_correlation
from qdot.evaluation.synthetic import transport_difference, transport_worst
from qdot.evaluation.tasks import least_over_tasks, mean_over_tasks


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
    entries = [(a, None) for a in ("qdot", *ran)]
    scores = {d: board.by_seed(d, entries) for d in own}
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
    members = [draw for d in used for draw in board.members(d, entries)]
    return Finding(measure, members, ["qdot", *ran], min(len(scores[d]) for d in used), remarks)


def score_difference(evidence: Evidence, datasets: Sequence[str], against: str) -> Finding:
    """Q-DOT's score minus that of `against`, both by their primary readout, paired by seed, in points."""
    entries = [("qdot", None), (against, None)]
    scores = {d: evidence.board.by_seed(d, entries) for d in datasets}
    used = [d for d in datasets if len(scores[d])]
    if not used:
        raise Untestable(f"qdot and {against} have no dataset and seed in common")
    differences = [scores[d][:, 0] - scores[d][:, 1] for d in used]
    measure = mean_over_tasks(differences, evidence.settings, "difference", against, *used)
    members = [draw for d in used for draw in evidence.board.members(d, entries)]
    return Finding(measure, members, ["qdot", against], min(map(len, differences)))


def cost_ratio(evidence: Evidence, datasets: Sequence[str], against: str) -> Finding:
    """Time of a training step, Q-DOT over `against`: geometric mean over datasets, t interval over datasets.

    Draws of one recipe are averaged first.
    """
    rates, draws = evidence.rates, evidence.draws
    used = [d for task in datasets for d in draws.members(task) if (d, "qdot") in rates and (d, against) in rates]
    if not used:
        raise Untestable(f"no training times of qdot and {against} on a common dataset")
    ratios = {d: float(np.log(rates[d, against] / rates[d, "qdot"])) for d in used}
    tasks = draws.tasks(used)
    logs = np.array([np.mean([x for d, x in ratios.items() if draws.recipe(d) == task]) for task in tasks])
    counts = evidence.curves.groupby(["dataset", "algorithm"])["seed"].nunique()
    seeds = min((int(counts.get((d, a), 0)) for d in used for a in ("qdot", against)), default=0)
    remark = "A wall clock: it holds for this machine and what else ran on it."
    return Finding(Exponential(TMeasure.of(logs)), used, ["qdot", against], seeds, [remark])


QUANTITIES: dict[str, Callable[..., Finding]] = {
    "gain_over_best": gain_over_best,
    "score_difference": score_difference,
    "steadiness": steadiness,
    "cost_ratio": cost_ratio,
    "near_identity": near_identity,
    "return_correlation": return_correlation,
    "transport_difference": transport_difference,
    "transport_worst": transport_worst,
}


def measure(name: str, evidence: Evidence, datasets: Sequence[str], **options: Any) -> Finding:
    """Measure the quantity of a name; `claims.yaml` gives the options."""
    return QUANTITIES[name](evidence, datasets, **options)
