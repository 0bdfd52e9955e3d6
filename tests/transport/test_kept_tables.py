"""The tables that docs/transport.md quotes are of this form, keep their bounds, and hold what is quoted."""

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from qdot.transport.catalogue import STUDIES
from qdot.transport.records import COLUMNS, COMPARISONS

DOCS = Path(__file__).parents[2] / "docs"
KEPT = sorted((DOCS / "results" / "transport").glob("*.csv"))
RUNGS = ("shift", "affine", "potential", "icnn")


def test_kept_tables_are_those_of_studies() -> None:
    assert {path.stem for path in KEPT} == set(STUDIES)


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_kept_table_says_of_each_bound_whether_it_was_kept(path: Path) -> None:
    rows = list(csv.DictReader(path.open()))
    assert tuple(rows[0]) == COLUMNS
    for row in rows:
        if row["threshold"]:
            sign, bound = row["threshold"].split()
            kept = COMPARISONS[sign](float(row["value"]), float(bound))
            assert (row["passed"], kept) == ("True", True), row
        else:
            assert (row["passed"], row["control"]) in {("", "False"), ("", "True")}


def by_seed(study: str, **chosen: str) -> list[float]:
    """The values of the ten seeds of one row that suite `decisive` kept."""
    rows = csv.DictReader((DOCS / "results" / "decisive" / "transport" / f"{study}.csv").open())
    found = {int(row["seed"]): float(row["value"]) for row in rows if chosen.items() <= row.items()}
    return [found[seed] for seed in range(10)]


def number(value: float, digits: int) -> str:
    """.95, -.01: without a zero before the point."""
    return f"{value:.{digits}f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.{digits}f}"


def interval(values: list[float], digits: int) -> str:
    """Mean and half the t interval of 95%."""
    half = stats.sem(values) * stats.t.ppf(0.975, len(values) - 1)
    return f"{number(float(np.mean(values)), digits)} +- {number(float(half), digits)}"


def differences(study: str, first: str, second: str, digits: int, chosen: Mapping[str, str]) -> str:
    pairs = zip(by_seed(study, map=first, **chosen), by_seed(study, map=second, **chosen), strict=True)
    return interval([one - other for one, other in pairs], digits)


def lqr_lines() -> list[str]:
    """Shares of the ladder on lqr16, and paired differences, by number of samples."""
    lines = []
    for samples in ("64", "256", "1000", "10000"):
        chosen = {"problem": "lqr16", "samples": samples, "metric": "pushforward_share"}
        cells = [number(float(np.mean(by_seed("lqr", map=rung, **chosen))), 4) for rung in RUNGS]
        pairs = (("icnn", "affine"), ("potential", "affine"), ("icnn", "potential"))
        cells += [differences("lqr", *pair, 5, chosen) for pair in pairs]
        lines.append("| " + " | ".join([f"{int(samples):,}", *cells]) + " |")
    return lines


def objective_lines() -> list[str]:
    """Every method at the estimated behaviour mean."""
    methods = (*RUNGS, "prox_exact", "prox_10_steps", "ddpg_bc", "awr_best")
    lines = []
    for samples in ("64", "256", "1000", "10000"):
        chosen = {"problem": "lqr16", "samples": samples, "metric": "objective_share"}
        cells = [number(float(np.mean(by_seed("lqr", map=method, **chosen))), 3) for method in methods]
        lines.append("| " + " | ".join([f"{int(samples):,}", *cells]) + " |")
    return lines


def limits_lines() -> list[str]:
    """Share of the gain on each problem; on hills the mean excess of the certificate in brackets."""
    names = {"weighted-cost": "weighted cost", "plain-cost": "the same, M = I", "hills-4": "4 hills"}
    names |= {"hills-16": "16 hills", "hills-4-distance": r"4 hills, E\|\|T - a\|\|", "hills-4-tanh": "4 hills, tanh"}
    lines = []
    for problem, name in names.items():
        gain, excess = ({"problem": problem, "metric": metric} for metric in ("share_of_gain", "certificate_excess"))
        cells = [interval(by_seed("limits", map=rung, **gain), 3) for rung in RUNGS]
        best = ""
        if problem.startswith("hills"):
            means = [float(np.mean(by_seed("limits", map=rung, **excess))) for rung in RUNGS]
            cells = [
                f"{cell} ({number(mean, 4) if mean > 1e-12 else 0})" for cell, mean in zip(cells, means, strict=True)
            ]
        else:
            best = number(float(np.mean(by_seed("limits", map="best_gradient", **gain))), 3)
        lines.append("| " + " | ".join([name, best, *cells]) + " |")
    return lines


@pytest.mark.parametrize("lines", [lqr_lines, objective_lines, limits_lines])
def test_the_page_quotes_the_means_of_the_ten_seeds_that_are_kept(lines) -> None:
    page = (DOCS / "transport.md").read_text(encoding="utf-8")
    assert [line for line in lines() if line not in page] == []
