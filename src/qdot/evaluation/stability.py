"""Claim 4: how much a seed's score wanders late in training, beyond what a finite number of episodes explains.

The drop from the best evaluation to the last one is not used: it grows with noise alone, so that a policy that never
changes shows one too.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from qdot.evaluation.draws import average
from qdot.evaluation.evidence import Evidence, Finding, Secondary, Untestable
from qdot.evaluation.measures import DrawMeasure
from qdot.evaluation.permutation import Pair, Permuted, Sample, exchange
from qdot.evaluation.statistics import Array
from qdot.evaluation.tasks import mean_over_tasks, standard_error

LATE = 10  # evaluations that wandering is measured over
RISK = 0.05  # share of the worst changes that CVaR averages (arXiv 1912.05663)


class Course(NamedTuple):
    """What the evaluations of one (task, algorithm) say, indexed by seed; of a recipe's draws the mean by seed.

    Attributes:
        excess: Variance of the last ten evaluations minus the mean variance that finite episodes give them.
        spread: Interquartile range of the changes between evaluations (detrended by differencing).
        risk: Mean of the worst twentieth of these changes.
    """

    excess: "pd.Series[float]"
    spread: "pd.Series[float]"
    risk: "pd.Series[float]"


Courses = dict[str, tuple[Course, Course]]  # of another algorithm and of Q-DOT, by task


def steadiness(evidence: Evidence, datasets: Sequence[str], against: str, reference: str) -> Finding:
    """How much more a seed's score wanders over its last ten evaluations under `against` than under Q-DOT, in points.

    On each dataset the root of the mean excess variance of either algorithm, averaged over datasets; labels are
    exchanged within seeds. Only datasets where both score higher than `reference` count: a policy that has learnt
    nothing is steady.
    """
    courses, beaten = _courses(evidence, datasets, against, reference)
    if not courses:
        names = ", ".join(beaten)
        raise Untestable(
            f"qdot and {against} both exceed {reference} on none of {names}"
            if beaten
            else f"no dataset has {LATE} scored evaluations during training of qdot and {against}"
        )
    samples = {d: _sample(theirs.excess, ours.excess) for d, (theirs, ours) in courses.items()}
    data, settings, key = list(samples.values()), evidence.settings, ("steadiness", *samples)
    null, exact = exchange(data, root_difference, settings.bootstrap_samples, settings.generator("exchange", *key))
    measure = Permuted(_spread(data, evidence, *key), null, exact)
    remarks = [f"Not counted, because not both exceed {reference} there: {', '.join(beaten)}."] if beaten else []
    seeds = min(min(len(sample.first), len(sample.second)) for sample in data)
    beside = list(_changes(courses, evidence, against))
    members = [d for task in samples for d in common_draws(evidence, task, against)]
    return Finding(measure, members, ["qdot", against, reference], seeds, remarks, secondary=beside)


def _courses(evidence: Evidence, datasets: Sequence[str], against: str, reference: str) -> tuple[Courses, list[str]]:
    """Courses of (`against`, Q-DOT) by dataset, and the datasets where not both exceed `reference`."""
    if not any(len(evidence.board.scores(d, reference)) for d in datasets):
        raise Untestable(f"{reference} has no score: stability counts only where both methods exceed it")
    found, beaten = {}, []
    for dataset in datasets:
        shared = common_draws(evidence, dataset, against)
        theirs, ours = (over_draws([course(evidence, d, name) for d in shared]) for name in (against, "qdot"))
        if not len(theirs.excess) or not len(ours.excess):
            continue
        floor, *means = (float(np.mean(evidence.board.scores(dataset, a))) for a in (reference, against, "qdot"))
        if min(means) > floor:
            found[dataset] = (theirs, ours)
        else:
            beaten.append(dataset)
    return found, beaten


def common_draws(evidence: Evidence, task: str, against: str) -> list[str]:
    """Draws of a task on which both algorithms have courses."""
    draws = evidence.draws.members(task)
    return [d for d in draws if all(len(course(evidence, d, name).excess) for name in (against, "qdot"))]


def over_draws(courses: Sequence[Course]) -> Course:
    """The mean over draws of every field, by seed."""
    return Course(*(average([getattr(each, name) for each in courses]) for name in Course._fields))


def course(evidence: Evidence, dataset: str, algorithm: str) -> Course:
    """The courses of all seeds of an algorithm on a dataset that have ten scored evaluations; empty where none has."""
    rows = evidence.evaluations
    readout = evidence.board.primary.get((dataset, algorithm))
    rows = rows[(rows["dataset"] == dataset) & (rows["algorithm"] == algorithm) & (rows["readout"] == readout)]
    rows = rows[rows["score"].notna()].sort_values("step", kind="stable")
    numbers = {}
    for seed, group in rows.groupby("seed"):
        late, changes = group.tail(LATE), np.diff(group["score"].to_numpy(dtype=float))
        if len(late) == LATE and late["noise"].notna().all():
            excess = float(late["score"].var() - late["noise"].mean())
            low, high = np.quantile(changes, [0.25, 0.75])
            worst = np.sort(changes)[: max(1, int(RISK * len(changes)))]
            numbers[seed] = (excess, float(high - low), float(worst.mean()))
    frame = pd.DataFrame.from_dict(numbers, orient="index", columns=list(Course._fields), dtype=float)
    return Course(*(frame[name] for name in Course._fields))


def root_difference(pairs: Sequence[Pair]) -> Array:
    """Mean over datasets of the difference of root mean excess variances. (draws, seeds) each -> (draws,).

    An excess below 0, which noise can give, keeps its sign under the root.
    """
    roots = [[np.sign(m) * np.sqrt(np.abs(m)) for m in (x.mean(axis=-1) for x in pair)] for pair in pairs]
    differences: Array = np.mean([first - second for first, second in roots], axis=0)
    return differences


def _changes(courses: Courses, evidence: Evidence, against: str) -> Iterator[Secondary]:
    """The secondary measures, over the seeds that both algorithms have."""
    texts = {"spread": "interquartile range of the changes between evaluations"}
    texts["risk"] = "mean of the worst 5% of the changes between evaluations (CVaR)"
    for name, text in texts.items():
        values = [_paired(name, *pair) for pair in courses.values()]
        if all(len(value) for value in values):
            measure = mean_over_tasks(values, evidence.settings, name, *courses)
            estimate = measure.interval(evidence.settings.confidence)
            yield Secondary(f"{text}, {against} minus Q-DOT, in points", estimate)


def _spread(data: Sequence[Sample], evidence: Evidence, *key: str) -> DrawMeasure:
    """The statistic with bootstrap draws over seeds (pairs stay together), for the interval beside the test."""
    settings = evidence.settings
    generator, samples = settings.generator("spread", *key), settings.bootstrap_samples
    drawn = []
    for first, second, paired in data:
        rows = generator.integers(0, len(first), (samples, len(first)))
        others = rows if paired else generator.integers(0, len(second), (samples, len(second)))
        drawn.append((first[rows], second[others]))
    value = float(root_difference([(first[None], second[None]) for first, second, _ in data])[0])
    fewest = min(min(len(first), len(second)) for first, second, _ in data)
    if fewest < 2:
        return DrawMeasure(value, root_difference(drawn), 0.0, 1.0)
    freedom = min(standard_error([sample.first for sample in data])[1], standard_error([s.second for s in data])[1])
    return DrawMeasure(value, root_difference(drawn), freedom, float(np.sqrt(fewest / (fewest - 1))))


def _sample(first: "pd.Series[float]", second: "pd.Series[float]") -> Sample:
    """Paired where both have the same seeds; a seed that failed in one alone breaks the pairing."""
    paired = set(first.index) == set(second.index)
    ordered = [np.asarray(series.sort_index(), dtype=np.float64) for series in (first, second)]
    return Sample(ordered[0], ordered[1], paired)


def _paired(name: str, first: Course, second: Course) -> Array:
    """First minus second of one field over their common seeds, (seeds,)."""
    difference = (getattr(first, name) - getattr(second, name)).dropna()
    return np.asarray(difference, dtype=np.float64)
