"""The arithmetic of the evaluation benchmark, and its check that the peer does the same work."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks/evaluation"


@pytest.fixture
def scripts(import_from: Callable[[str, str], ModuleType]) -> tuple[ModuleType, ModuleType]:
    """The benchmark's scripts."""
    return import_from("evaluation", "rates"), import_from("evaluation", "ways")


def test_a_ratio_is_the_median_of_the_runs_ratios_and_higher_is_better(
    scripts: tuple[ModuleType, ModuleType],
) -> None:
    row = scripts[0].row("m", [2.0, 4.0, 1.0], [4.0, 4.0, 16.0], 100, 0.85)
    assert (row["ours"], row["peer"], row["ratio"], row["runs"]) == ("50.0", "25.0", "2.000", 3)


def test_a_bare_loop_that_ends_elsewhere_is_refused(scripts: tuple[ModuleType, ModuleType]) -> None:
    rates, ways = scripts
    environments = rates.make_environments("HalfCheetah-v4", 3)  # fewer than a block, as kitchens
    actions = ways.draw_actions(environments, 5)
    motors, end = ways.commands(environments, actions)
    assert ways.bare(environments, motors, end) > 0
    with pytest.raises(RuntimeError, match="ended elsewhere"):
        ways.bare(environments, motors + 0.1, end)
    assert np.ptp(end[:, 0]) > 0
