"""Rows carry their own verdict, and the table says it."""

import csv
import io
from dataclasses import replace

import pytest

from qdot.errors import ParamsError
from qdot.transport.catalogue import run_study
from qdot.transport.records import COLUMNS, Row, to_csv


def row(value: float, threshold: str) -> Row:
    return Row("s", "p", "m", 2, 0, 0, "l2_uvp", value, threshold, "closed form")


@pytest.mark.parametrize(
    ("value", "threshold", "passed"),
    [(0.04, "< 0.05", True), (0.05, "< 0.05", False), (12.0, "> 10", True), (9.0, "> 10", False), (3.0, "", None)],
)
def test_a_row_passes_where_its_value_keeps_the_bound(value: float, threshold: str, passed: bool | None) -> None:
    assert row(value, threshold).passed is passed


def test_a_value_that_is_no_number_keeps_no_bound() -> None:
    assert row(float("nan"), "< 1").passed is False
    assert row(float("nan"), "> 1").passed is False


def test_table_reads_back_with_its_verdicts() -> None:
    found = list(csv.DictReader(io.StringIO(to_csv([row(1 / 3, "< 1"), row(2.0, "")]))))
    assert tuple(found[0]) == COLUMNS
    assert float(found[0]["value"]) == pytest.approx(1 / 3, rel=1e-9)
    assert [entry["passed"] for entry in found] == ["True", ""]


def test_table_says_which_rows_are_negative_controls() -> None:
    rows = [row(1.0, "> 0.5"), replace(row(1.0, "> 0.5"), control=True)]
    found = list(csv.DictReader(io.StringIO(to_csv(rows))))
    assert [entry["control"] for entry in found] == ["False", "True"]  # a lower bound alone makes no control


@pytest.mark.parametrize(("study", "controls"), [("certificate", {"quarter_turn"}), ("metric", {"w2_squared"})])
def test_studies_mark_what_must_miss(study: str, controls: set[str]) -> None:
    rows = run_study(study, "tiny", 0)
    assert {row.map for row in rows if row.control} == controls
    assert all(row.threshold.startswith(">") for row in rows if row.control)


def test_unknown_studies_and_budgets_are_refused_by_name() -> None:
    with pytest.raises(ParamsError, match=r"transport.studies: found 'shape', expected some of: own_loss"):
        run_study("shape", "small", 0)
    with pytest.raises(ParamsError, match=r"transport.budget: found 'huge'"):
        run_study("own_loss", "huge", 0)
