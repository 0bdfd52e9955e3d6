"""Two checkouts side by side: only equal work is compared, and each runs its own code."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from qdot.errors import QdotError

PARAMS = """
suites: {{s: {{datasets: [d], seeds: [0], train: {{steps: {steps}}}}}}}
datasets: {{d: {{domain: m}}, e: {{domain: n}}}}
domains: {{m: {{train: {{reward: as_is}}{more}}}, n: {{}}}}
train: {{batch_size: 256}}
evaluate: {{episodes: {episodes}}}
transport: {{}}
algorithms: {{}}
"""
RUN = """#!/usr/bin/env bash
[ "$1" = s ] && [ -z "${{QDOT_RESULTS:-}}${{PYTHONPATH:-}}" ] || exit 3
mkdir -p reports/build/s && touch reports/build/s/index.html
exit {status}
"""


@pytest.fixture
def quick(import_from: Callable[[str, str], ModuleType]) -> ModuleType:
    return import_from("speed", "quick")


def checkout(folder: Path, steps: int = 10, episodes: int = 5, more: str = "", status: int = 0) -> Path:
    (folder / "workflow").mkdir(parents=True)
    (folder / "params.yaml").write_text(PARAMS.format(steps=steps, episodes=episodes, more=more))
    (folder / "workflow/run").write_text(RUN.format(status=status))
    (folder / "workflow/run").chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("other", "named"), [({"steps": 11}, r"suite\.train\.steps"), ({"episodes": 6}, r"evaluate\.episodes")]
)
def test_other_work_is_refused_by_its_key(quick: ModuleType, tmp_path: Path, other: dict[str, int], named: str) -> None:
    with pytest.raises(QdotError, match=named):
        quick.require_same_work(checkout(tmp_path / "a"), checkout(tmp_path / "b", **other), "s")


def test_a_key_that_one_side_lacks_is_no_other_work(quick: ModuleType, tmp_path: Path) -> None:
    more = ", algorithms: {qdot: {transport_weight: 0.2}}"
    quick.require_same_work(checkout(tmp_path / "a"), checkout(tmp_path / "b", more=more), "s")


def test_the_suite_quick_was_the_same_before(quick: ModuleType, tmp_path: Path) -> None:
    if not (quick.TOP / ".git").exists():
        pytest.skip("needs the history")
    quick.clone(quick.BEFORE, tmp_path / "before")
    quick.require_same_work(tmp_path / "before", quick.TOP, "quick")


def test_a_run_is_timed_without_the_callers_places_and_a_failed_one_is_not(
    quick: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QDOT_RESULTS", "elsewhere")
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    assert quick.seconds(checkout(tmp_path / "a"), "s", 1) > 0
    with pytest.raises(QdotError, match="ended with 2"):
        quick.seconds(checkout(tmp_path / "b", status=2), "s", 1)
