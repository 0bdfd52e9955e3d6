"""The tables that docs/transport.md quotes are of this form, keep their bounds, and hold what a study holds."""

import csv
from pathlib import Path

import pytest

from qdot.algorithms.maps import RUNGS
from qdot.transport.catalogue import STUDIES
from qdot.transport.records import COLUMNS, COMPARISONS

KEPT = sorted((Path(__file__).parents[2] / "docs" / "results" / "transport").glob("*.csv"))


def test_kept_tables_are_those_of_studies_and_of_the_ladder_over_five_seeds() -> None:
    assert {path.stem for path in KEPT} <= {*STUDIES, "lqr_ladder"}
    ladder = next(path for path in KEPT if path.stem == "lqr_ladder")
    rows = list(csv.DictReader(ladder.open()))
    found = {(row["map"], row["samples"], row["seed"]) for row in rows}
    assert found == {(name, n, str(seed)) for name in RUNGS for n in ("64", "256") for seed in range(5)}


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
