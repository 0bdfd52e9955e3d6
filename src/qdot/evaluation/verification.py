"""Is a run of one's own a repetition of a kept one? Rows of both side by side, each with a verdict."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from qdot import resources
from qdot.evaluation.scoreboard import RETURN_COLUMNS, SCORE_COLUMNS
from qdot.evaluation.statistics import Array
from qdot.frames import groups, read_csv

TOLERANCES = Path("workflow/resources/verify.yaml")
VERDICTS = ("identical", "within", "far", "beyond", "other values", "missing here", "not in kept")
KEY = ["dataset", "algorithm", "readout", "protocol", "quantity"]
NAMES = ("dataset", "algorithm", "readout", "protocol", "status")


@dataclass(frozen=True)
class Tolerances:
    """What counts as agreement: workflow/resources/verify.yaml.

    Attributes:
        confidence: Coverage of each row's interval, and of all rows' intervals together.
        protocols: Protocols that are compared.
        quantities: By quantity (`score`, `return`): `identical`, `absolute`, `relative`.
        descriptive: Keys of values.csv that change no number.
    """

    confidence: float
    protocols: Sequence[str]
    quantities: Mapping[str, Mapping[str, float]]
    descriptive: Collection[str]

    @classmethod
    def load(cls, root: Path) -> "Tolerances":
        """Read the file under a project's top folder.

        Raises:
            ResultsError: it cannot be read, or breaks its schema.
        """
        return cls(**resources.read(root, TOLERANCES, "verify"))


class Row(NamedTuple):
    """Two runs of one (dataset, algorithm, readout, protocol).

    Attributes:
        kept: Mean over the kept run's seeds; of an identical row, over the seeds that both have. NaN where missing.
        own: The same of one's own run.
        interval: Half width within which a single row's difference is expected.
        tolerance: The same of all rows together: beyond it the row fails.
    """

    dataset: str
    algorithm: str
    readout: str
    protocol: str
    quantity: str
    kept: float
    own: float
    difference: float
    interval: float
    tolerance: float
    kept_seeds: int
    own_seeds: int
    verdict: str


Key = tuple[str, str, str, str, str]  # the columns KEY
Runs = dict[Key, dict[int, float]]  # value by seed


def read_runs(directory: Path, protocols: Sequence[str]) -> Runs:
    """Values by seed of each row of a folder's scores.csv; raw returns of datasets on which no score is defined."""
    scores = read_csv(directory / "scores.csv", SCORE_COLUMNS, text=NAMES)
    returns = read_csv(directory / "returns.csv", RETURN_COLUMNS, text=NAMES[:-1])
    scored = scores[scores["score"].notna()]
    raw = returns[~returns["dataset"].isin(scored["dataset"])]
    found: Runs = {}
    for quantity, frame in (("score", scored), ("return", raw)):
        frame = frame[frame["protocol"].isin(protocols)]
        for (dataset, algorithm, readout, protocol), rows in groups(frame, *KEY[:-1]):
            key = (dataset, algorithm, readout, protocol, quantity)
            found[key] = dict(zip(rows["seed"].astype(int), rows[quantity].astype(float), strict=True))
    return found


def read_values(directory: Path) -> pd.DataFrame:
    """A folder's values.csv as text: `dataset, algorithm, key, value, set_by`; what is not set is empty."""
    columns = ("dataset", "algorithm", "key", "value")
    return read_csv(directory / "values.csv", columns, text=columns).fillna("")


def verify(kept: Runs, own: Runs, changed: Collection[tuple[str, str]], tolerances: Tolerances) -> list[Row]:
    """A row for everything that either run has, in the kept run's order.

    Args:
        kept: The kept run.
        own: One's own.
        changed: (dataset, algorithm) whose values differ: shown, not judged.
        tolerances: What counts as agreement.
    """
    both = [key for key in kept if key in own]
    same = {key for key in both if _identical(kept[key], own[key], tolerances.quantities[key[-1]]["identical"])}
    judged = [key for key in both if key[:2] not in changed and key not in same]
    rows = []
    for key in dict.fromkeys([*kept, *own]):
        if key not in own:
            rows.append(_row(key, kept[key], {}, "missing here"))
        elif key not in kept:
            rows.append(_row(key, {}, own[key], "not in kept"))
        elif key[:2] in changed:
            rows.append(_row(key, kept[key], own[key], "other values"))
        elif key in same:
            first, second = ({k: run[key][k] for k in set(kept[key]) & set(own[key])} for run in (kept, own))
            rows.append(_row(key, first, second, "identical"))
        else:
            rows.append(_judge(_row(key, kept[key], own[key], ""), kept[key], own[key], len(judged), tolerances))
    return rows


def _identical(kept: Mapping[int, float], own: Mapping[int, float], bound: float) -> bool:
    """Whether the runs share seeds, and agree on each."""
    common = set(kept) & set(own)
    return bool(common) and all(abs(kept[seed] - own[seed]) <= bound for seed in common)


def _row(key: Key, kept: Mapping[int, float], own: Mapping[int, float], verdict: str) -> Row:
    first, second = (float(np.mean(list(run.values()))) if run else math.nan for run in (kept, own))
    return Row(*key, first, second, second - first, math.nan, math.nan, len(kept), len(own), verdict)


def _judge(row: Row, kept: Mapping[int, float], own: Mapping[int, float], rows: int, tolerances: Tolerances) -> Row:
    """Give a row its interval, its tolerance and its verdict."""
    bounds = tolerances.quantities[row.quantity]
    least = bounds["absolute"] + bounds["relative"] * abs(row.kept)
    first, second = (np.array(list(run.values()), dtype=np.float64) for run in (kept, own))
    risk = 1 - tolerances.confidence
    interval, tolerance = (least + half_width(first, second, 1 - share) for share in (risk, risk / rows))
    size = abs(row.difference)
    verdict = "within" if size <= interval else "far" if size <= tolerance else "beyond"
    return row._replace(interval=interval, tolerance=tolerance, verdict=verdict)


def half_width(first: Array, second: Array, confidence: float) -> float:
    """Half width of Student's interval of a difference of means, spread pooled: both are taken to be one distribution.

    Args:
        first: One number per seed, (n,).
        second: The same of another run, (m,).
        confidence: Coverage.

    Returns:
        The half width; 0 where n = m = 1, which shows no spread.
    """
    n, m = len(first), len(second)
    free = n + m - 2
    if free == 0:
        return 0.0
    spread = (np.sum((first - first.mean()) ** 2) + np.sum((second - second.mean()) ** 2)) / free
    return float(stats.t.ppf(0.5 + confidence / 2, free) * math.sqrt(spread * (1 / n + 1 / m)))


def differing_values(kept: pd.DataFrame, own: pd.DataFrame, descriptive: Collection[str]) -> pd.DataFrame:
    """Values that differ, of every (dataset, algorithm) that both runs have.

    Args:
        kept: Rows of the kept values.csv, all text.
        own: The same of one's own run.
        descriptive: Keys to leave out.

    Returns:
        `dataset, algorithm, key, kept, own`; what a run lacks is empty.
    """
    pair = ["dataset", "algorithm"]
    common = kept[pair].drop_duplicates().merge(own[pair].drop_duplicates())
    sides = [run.merge(common)[[*pair, "key", "value"]] for run in (kept, own)]
    merged = sides[0].merge(sides[1], on=[*pair, "key"], how="outer", suffixes=("_kept", "_own")).fillna("")
    merged = merged.rename(columns={"value_kept": "kept", "value_own": "own"})
    differs = (merged["kept"] != merged["own"]) & ~merged["key"].isin(list(descriptive))
    return merged[differs].reset_index(drop=True)


def differing_making(kept: pd.DataFrame, own: pd.DataFrame) -> list[dict[str, str]]:
    """Versions, environments, machines and code that differ between two tables made_with.csv, by stage."""
    sides: list[dict[tuple[Any, ...], str]] = []
    for run in (kept, own):
        listed = run[~run["field"].isin(["runtime.git_commit", "runtime.git_dirty"])]
        by_field = groups(listed, "stage", "field")
        sides.append({key: ", ".join(sorted(set(rows["value"]))) for key, rows in by_field})
    return [
        {"stage": key[0], "field": key[1], "kept": sides[0].get(key, ""), "own": sides[1].get(key, "")}
        for key in sorted({*sides[0], *sides[1]})
        if sides[0].get(key) != sides[1].get(key)
    ]


def differing_verdicts(kept: Sequence[Mapping[str, Any]], own: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Entries of claims.json (or expectations.json) whose verdict differs; None where a run lacks the entry."""
    sides = [{entry["id"]: entry for entry in run} for run in (kept, own)]
    found = []
    for name in dict.fromkeys([*sides[0], *sides[1]]):
        first, second = (side.get(name, {}) for side in sides)
        if first.get("verdict") != second.get("verdict"):
            parts = {key: (first.get(key), second.get(key)) for key in ("verdict", "measured")}
            found.append({"id": name, "sentence": (first or second)["sentence"], **parts})
    return found
