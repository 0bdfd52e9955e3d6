"""differences.csv: Q-DOT's score minus that of every other algorithm, paired by seed. What the map buys, row by row."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import pandas as pd

from qdot.evaluation.measures import holm, two_sided
from qdot.evaluation.pooled import Named, Pooled
from qdot.evaluation.statistics import Array
from qdot.evaluation.summary import ALL, Settings
from qdot.evaluation.tasks import detectable, mean_over_tasks

COLUMNS = [
    *("dataset", "algorithm", "readout", "other", "other_readout", "difference", "low", "high"),
    *("p", "p_holm", "seeds", "detectable", "datasets"),
]


def difference_table(
    board: Pooled,
    others: Sequence[str],
    readouts: Sequence[Sequence[str]],
    counted: Collection[str],
    settings: Settings,
) -> pd.DataFrame:
    """A row per dataset and comparison; rows `all` are over two or more counted datasets that both have.

    The draws of one recipe are one dataset here, named after the recipe; column `datasets` names those that entered a
    row. Holm's family are the rows of one dataset (and those of `all`).

    Args:
        board: Scores by task.
        others: Algorithms to compare Q-DOT with, by their primary readouts; those that were not run have no row.
        readouts: Pairs of Q-DOT's readouts to compare with each other.
        counted: Datasets that may enter `all`.
        settings: How intervals are made.
    """
    comparisons: list[tuple[Named, Named]] = [(("qdot", None), (name, None)) for name in others]
    comparisons += [(("qdot", first), ("qdot", second)) for first, second in readouts]
    rows: list[dict[str, Any]] = []
    for dataset in [*board.datasets, ALL]:
        rows += _family(board, dataset, comparisons, counted, settings)
    return pd.DataFrame(rows, columns=COLUMNS).astype({"seeds": "Int64"})


def _family(
    board: Pooled,
    dataset: str,
    comparisons: Sequence[tuple[Named, Named]],
    counted: Collection[str],
    settings: Settings,
) -> list[dict[str, Any]]:
    datasets = [d for d in board.datasets if d in counted] if dataset == ALL else [dataset]
    rows = list(_rows(board, dataset, datasets, comparisons, settings))
    for row, adjusted in zip(rows, holm([row["p"] for row in rows]), strict=True):
        row["p_holm"] = adjusted
    return rows


def _rows(
    board: Pooled,
    dataset: str,
    datasets: Sequence[str],
    comparisons: Sequence[tuple[Named, Named]],
    settings: Settings,
) -> Iterator[dict[str, Any]]:
    for first, second in comparisons:
        found = {d: pair for d in datasets if len(pair := board.by_seed(d, [first, second]))}
        if len(found) < (2 if dataset == ALL else 1):
            continue
        values: list[Array] = [pair[:, 0] - pair[:, 1] for pair in found.values()]
        members = [draw for task in found for draw in board.members(task, [first, second])]
        names = [_readout(board, members, *named) for named in (first, second)]
        measure = mean_over_tasks(values, settings, "difference", *(f"{a}/{r}" for a, r in (first, second)), *found)
        estimate = measure.interval(settings.confidence)
        yield {
            **{"dataset": dataset, "algorithm": first[0], "readout": names[0]},
            **{"other": second[0], "other_readout": names[1]},
            **{"difference": estimate.value, "low": estimate.low, "high": estimate.high, "p": two_sided(measure)},
            **{"seeds": min(map(len, values)), "detectable": detectable(values), "datasets": " ".join(members)},
        }


def _readout(board: Pooled, datasets: Sequence[str], algorithm: str, readout: str | None) -> str:
    """The readout to print: `primary` where it differs between datasets."""
    names = {readout or board.primary[dataset, algorithm] for dataset in datasets}
    return names.pop() if len(names) == 1 else "primary"
