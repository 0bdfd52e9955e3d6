"""The arithmetic and the file of the benchmarks' table, and the page that is written from it."""

import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def table(import_from: Callable[[str, str], ModuleType]) -> ModuleType:
    """The module of the table; those of the speed benchmark can then be imported too."""
    return import_from("speed", "table")


def test_a_ratio_is_the_median_of_the_runs_ratios_and_higher_is_better(table: ModuleType) -> None:
    row = table.row("m", [2.0, 4.0, 1.0], [4.0, 4.0, 16.0], "steps/s", 100, 0.85)
    assert (row["ours"], row["peer"], row["ratio"], row["runs"]) == ("50.0", "25.0", "2.000", 3)
    times = table.row("m", [2.0, 4.0, 1.0], [4.0, 4.0, 16.0], "s")
    assert (times["ours"], times["peer"], times["ratio"]) == ("2.00", "4.00", "2.000")


@pytest.mark.parametrize(
    ("value", "text"), [(12345.6, "12346"), (123.4, "123"), (12.34, "12.3"), (0.01234, "0.0123"), (1.0, "1.00")]
)
def test_numbers_keep_three_digits(table: ModuleType, value: float, text: str) -> None:
    assert table.single("m", value, "s")["ours"] == text


def test_a_script_replaces_its_own_rows_alone(table: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "results/machine.csv"
    table.keep([table.single("a", 1, "s"), table.single("b, c", 2, "s")], file)
    table.keep([table.single("b, c", 3, "s"), table.missing("d", "s", 5, "a GPU")], file)
    found = table.read(file)
    assert [(row["metric"], row["ours"]) for row in found] == [("a", "1.00"), ("b, c", "3.00"), ("d", "not measured")]
    assert found[2]["device"] == "a GPU"


def test_the_page_shows_a_part_with_its_goals(table: ModuleType) -> None:
    page = importlib.import_module("page")
    rows = [
        table.row("training: fast", [1.0], [2.0], "s", None, 1.5),
        table.row("training: slow", [2.0], [1.0], "s", None, 1.5),
        table.missing("GPU training: none", "s", 5, "a GPU"),
    ]
    text = page.rows_table(rows, "training")
    assert [line.split(" | ")[7] for line in text.splitlines()[2:]] == ["met", "missed"]
    assert "not measured" in page.rows_table(rows, "GPU training")
    assert page.rows_table(rows, "machine").startswith("Not measured")


def test_the_page_shows_where_the_turns_and_the_medians_disagree(table: ModuleType) -> None:
    page = importlib.import_module("page")
    row = table.row("training: noisy", [1.0, 1.0, 4.0, 4.0, 4.0], [2.0, 2.0, 2.0, 9.0, 9.0], "steps/s", 1, 1.5)
    assert (row["ratio"], page.of_medians(row)) == ("2.000", "0.5")
    assert page.verdict(row, {}) == "met, not by the medians"
    seconds = table.row("training: quiet", [1.0], [3.0], "s", None, 1.5)
    assert (page.of_medians(seconds), page.verdict(seconds, {})) == ("3", "met")
    assert page.of_medians(table.single("training: alone", 1.0, "s")) == ""


@pytest.mark.parametrize(("bare", "said"), [("1.336", "does not apply: two bare loops reach 1.336"), ("1.9", "missed")])
def test_two_processes_are_asked_for_no_more_than_two_bare_loops_reach(table: ModuleType, bare: str, said: str) -> None:
    page = importlib.import_module("page")
    row = table.row(f"evaluation e: {page.BLOCK}", [1.0], [1.4], "steps/s", 1, 1.7, threads=2)
    assert page.verdict(row, {row["metric"]: row["ratio"], f"evaluation e: {page.BARE}": bare}) == said


def test_a_script_that_measures_all_of_a_part_drops_rows_that_it_no_longer_has(
    table: ModuleType, tmp_path: Path
) -> None:
    file = tmp_path / "machine.csv"
    table.keep([table.single(name, 1, "s") for name in ("part: old", "part: kept", "other: old")], file)
    table.keep([table.single("part: kept", 2, "s"), table.single("part: new", 3, "s")], file, whole=("part: ",))
    assert [(row["metric"], row["ours"]) for row in table.read(file)] == [
        ("part: kept", "2.00"),
        ("other: old", "1.00"),
        ("part: new", "3.00"),
    ]


def test_a_slope_is_the_exponent(table: ModuleType) -> None:
    page = importlib.import_module("page")
    assert page.slope([1, 2, 4, 8], [3, 12, 48, 192]) == pytest.approx(2.0)
