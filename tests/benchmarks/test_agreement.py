"""The agreement study's statistics, its order of runs and its page; none of it needs d3rlpy."""

import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks/agreement"
DATASET, OTHER = "halfcheetah-replay", "pointmaze-umaze"


@pytest.fixture
def load(import_from: Callable[[str, str], ModuleType]) -> Callable[[str], ModuleType]:
    """Import the study's scripts by name."""
    return partial(import_from, "agreement")


@pytest.fixture
def comparison(load) -> ModuleType:
    return load("comparison")


def rows(variant: str, scores: list[float], dataset: str = DATASET, algorithm: str = "bc") -> list[dict[str, str]]:
    return [
        {"dataset": dataset, "algorithm": algorithm, "variant": variant, "seed": str(seed), "score": str(score)}
        for seed, score in enumerate(scores)
    ]


def around(mean: float, spread: float) -> list[float]:
    """Ten scores with that mean, five on each side."""
    return [mean + spread, mean - spread] * 5


def test_the_interval_of_the_difference_equals_the_value_by_hand(comparison) -> None:
    # means 2 and 12, variances 1 each, 3 seeds: error sqrt(2/3), 4 degrees of freedom, t(.95; 4) = 2.131847
    found = comparison.difference_of_means(np.array([1.0, 2.0, 3.0]), np.array([11.0, 12.0, 13.0]))
    half = 2.131847 * math.sqrt(2 / 3)
    assert found == pytest.approx((-10.0, -10.0 - half, -10.0 + half), abs=1e-5)


def test_only_seeds_that_both_have_are_compared(comparison) -> None:
    (found,) = comparison.compare(rows("ours", [1.0, 2.0, 90.0]) + rows("shipped", [3.0, 4.0]), "shipped")
    assert (found.seeds, found.ours, found.theirs) == (2, 1.5, 3.5)


@pytest.mark.parametrize(
    ("shift", "spread", "verdict"),
    [(0.0, 1.0, "agrees"), (4.9, 1.0, "differs"), (20.0, 1.0, "differs"), (0.0, 30.0, "inconclusive")],
)
def test_each_verdict_can_be_given(comparison, shift: float, spread: float, verdict: str) -> None:
    (found,) = comparison.compare(
        rows("ours", around(50 + shift, spread)) + rows("shipped", around(50, spread)), "shipped"
    )
    assert found.verdict == verdict


def test_fewer_than_ten_seeds_give_no_verdict(comparison) -> None:
    (found,) = comparison.compare(rows("ours", [50.0] * 9) + rows("shipped", [50.0] * 9), "shipped")
    assert found.verdict == "not yet: 9 of 10"


def test_a_difference_counts_as_explained_only_where_the_aligned_run_closes_it(comparison) -> None:
    ours, shipped = rows("ours", around(50, 1)), rows("shipped", around(80, 1))
    key = (DATASET, "bc")
    assert comparison.verdicts(ours + shipped)[key] == "differs"
    assert comparison.verdicts(ours + shipped + rows("aligned", around(80, 1)))[key] == "differs"
    assert comparison.verdicts(ours + shipped + rows("aligned", around(50, 1)[:9]))[key] == "differs"
    assert comparison.verdicts(ours + shipped + rows("aligned", around(50, 1)))[key] == "explained"


def test_a_rerun_goes_on_with_what_is_missing_seed_by_seed(load, monkeypatch: pytest.MonkeyPatch) -> None:
    study, settings = load("study"), load("settings")
    monkeypatch.delenv(settings.MIRROR, raising=False)
    first = list(study.units([]))
    assert [unit.seed for unit in first] == sorted(unit.seed for unit in first)
    assert {unit.dataset for unit in first} == {DATASET, OTHER}
    assert first[0] == (OTHER, "bc", "ours", 0)
    done = rows("ours", [50.0], OTHER)
    assert list(study.units(done)) == first[1:]


def test_d3rlpy_is_run_aligned_where_the_complete_comparison_does_not_agree(load, monkeypatch) -> None:
    study, settings = load("study"), load("settings")
    monkeypatch.delenv(settings.MIRROR, raising=False)
    agreeing = rows("ours", around(50, 1), OTHER) + rows("shipped", around(50, 1), OTHER)
    differing = rows("ours", around(50, 1)) + rows("shipped", around(80, 1))
    aligned = [unit for unit in study.units(agreeing + differing) if unit.variant == "aligned"]
    assert aligned == [(DATASET, "bc", "aligned", seed) for seed in range(10)]


def test_an_interval_too_wide_at_ten_seeds_gets_ten_more_before_the_downloaded_dataset(load, monkeypatch) -> None:
    study, settings, comparison = load("study"), load("settings"), load("comparison")
    monkeypatch.setenv(settings.MIRROR, "somewhere")
    wide = rows("ours", around(50, 30)) + rows("shipped", around(50, 30))
    assert comparison.too_wide(wide) == {(DATASET, "bc")}
    after = [unit for unit in study.units(wide) if unit.dataset != OTHER and unit.algorithm == "bc"]
    more = [study.Unit(DATASET, "bc", variant, seed) for seed in range(10, 20) for variant in ("ours", "shipped")]
    assert after[:20] == more
    assert {unit.dataset for unit in after[20:]} == {"kitchen-complete-v0"}


def test_a_verdict_is_given_at_ten_seeds_or_at_twenty_and_between_them_stays_as_it_was(comparison) -> None:
    first, more = around(50, 30), around(50, 1)

    def seen(count: int) -> tuple[int, str]:
        scores = (first + more)[:count]
        (found,) = comparison.compare(rows("ours", scores) + rows("shipped", scores[::-1]), "shipped")
        return found.seeds, found.verdict

    assert seen(10) == seen(19) == (10, "inconclusive")
    assert seen(20) == (20, "inconclusive")


def test_runs_go_two_at_a_time_until_the_time_is_used_up(load, monkeypatch, tmp_path: Path) -> None:
    study, settings = load("study"), load("settings")
    monkeypatch.delenv(settings.MIRROR, raising=False)
    both = threading.Barrier(2, timeout=60)  # passed by two runs at once only

    def run(unit, folder: Path) -> dict[str, str]:
        both.wait()
        return {**{name: str(value) for name, value in unit._asdict().items()}, "score": "50.0"}

    monkeypatch.setattr(study, "run", run)
    monkeypatch.setattr(study, "ProcessPoolExecutor", lambda cores, context: ThreadPoolExecutor(cores))
    wanted = list(study.units([]))
    assert list(study.run_all([], tmp_path, 2, minutes=0)) == []
    *before, done = study.run_all([], tmp_path, 2, minutes=60)
    assert [len(rows) for rows in before] == list(range(1, len(done)))
    ran = [study.Unit(row["dataset"], row["algorithm"], row["variant"], int(row["seed"])) for row in done]
    assert sorted(ran) == sorted(wanted)


def test_the_page_keeps_its_text_and_refuses_a_missing_marker(load) -> None:
    page = load("page")
    text = "before\n<!-- scores -->\nold\n<!-- /scores -->\nafter\n"
    assert page.fill(text, "scores", "new") == "before\n<!-- scores -->\nnew\n<!-- /scores -->\nafter\n"
    with pytest.raises(ValueError, match="aligned"):
        page.fill(text, "aligned", "new")
