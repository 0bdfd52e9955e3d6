"""What a figure shows, in words, read off the rows that it is drawn from."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from qdot.frames import groups, records


def _name(algorithm: str, readout: str = "policy") -> str:
    return " ".join(part.replace("_", " ") for part in (algorithm, readout) if part != "policy")


def ranked(means: pd.DataFrame) -> str:
    """Means with their intervals, from high to low: rows of summary.csv of one dataset and metric."""
    rows = means.sort_values("value", ascending=False, kind="stable")
    told = [
        f"{_name(row.algorithm, row.readout)} {row.value:.1f}"
        + (f" ({row.low:.1f} to {row.high:.1f})" if row.low == row.low else "")
        for row in records(rows)
    ]
    return f"From high to low: {', '.join(told)}."


def last(rows: pd.DataFrame, quantity: str) -> str:
    """The last value of each algorithm's course: rows of trajectories.csv of one dataset and quantity."""
    ends = rows.sort_values("step", kind="stable").drop_duplicates("algorithm", keep="last")
    ends = ends.sort_values("value", ascending=False, kind="stable")
    told = ", ".join(f"{_name(row.algorithm)} {row.value:.3g}" for row in records(ends))
    return f"{quantity} at the end, from high to low: {told}."


def last_quantiles(rows: pd.DataFrame) -> str:
    """The quantiles of the displacement at the last step."""
    ends = rows[rows["step"] == rows["step"].max()].sort_values("quantity")
    told = ", ".join(f".{row.quantity[-2:].rstrip('0')}: {row.value:.2g}" for row in records(ends))
    return f"At step {int(rows['step'].max())}, {told}."


def apart(rows: pd.DataFrame, names: list[str]) -> str:
    """Which differences lie apart from 0: rows of differences.csv of one dataset, and what each is called."""
    sides: dict[str, list[str]] = {"above 0": [], "below 0": [], "around 0": []}
    for name, row in zip(names, records(rows), strict=True):
        side = "above 0" if row.low > 0 else "below 0" if row.high < 0 else "around 0"
        sides[side].append(f"{name} {row.difference:.1f} ({row.low:.1f} to {row.high:.1f})")
    told = [f"intervals {side}: {', '.join(found) or 'none'}" for side, found in sides.items()]
    return f"Q-DOT's score minus another's; {'; '.join(told)}."


def by_map(rows: pd.DataFrame, what: str, names: Mapping[str, str]) -> str:
    """The range of each map's values, lowest first: rows of a transport study of one metric."""
    ranges = sorted(
        (float(own["value"].min()), float(own["value"].max()), name) for (name,), own in groups(rows, "map")
    )
    told = [f"{names[name]} {low:.3g}" + (f" to {high:.3g}" if high > low else "") for low, high, name in ranges]
    return f"{what}, lowest first: {', '.join(told)}."


def peak(rows: pd.DataFrame, settings: list[str]) -> str:
    """The setting with the highest mean, and the range: rows of `sweeps.points`."""
    best = max(records(rows), key=lambda row: row.value)
    low, high = rows["value"].min(), rows["value"].max()
    return f"{len(settings)} settings, means from {low:.1f} to {high:.1f}; highest at {best.setting}."


def how_far(rows: pd.DataFrame) -> str:
    """The range of displacements of each algorithm, smallest first."""
    ranges = sorted(
        (float(own["displacement"].min()), float(own["displacement"].max()), name)
        for (name,), own in groups(rows, "algorithm")
    )
    return f"Displacement: {', '.join(f'{_name(name)} {low:.2g} to {high:.2g}' for low, high, name in ranges)}."


def episode(row: Any) -> str:
    """One episode: a row of rollouts.csv."""
    success = "" if row.success != row.success else ", with success" if row.success else ", without success"
    return f"Episode {int(row.episode)}: return {row.episode_return:.4g} in {int(row.length)} steps{success}."


def paths(points: pd.DataFrame, rows: pd.DataFrame) -> str:
    """Where each path begins and ends: rows of paths.csv of one dataset and algorithm, and of rollouts.csv."""
    told = []
    for row in records(rows):
        own = points[points["episode"] == row.episode]
        (x, y), (last_x, last_y) = (own[["x", "y"]].iloc[place] for place in (0, -1))
        told.append(f"{episode(row)[:-1]}, from ({x:.1f}, {y:.1f}) to ({last_x:.1f}, {last_y:.1f}).")
    return " ".join(told)
