"""What is compared: datasets, algorithms, variants, budget, margins; and the values of each cell, from params.yaml."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qdot import params

TOP = Path(__file__).resolve().parents[2]
RESULTS = TOP / "docs/results/agreement"
SCORES, PARITY = RESULTS / "scores.csv", RESULTS / "parity.csv"
PAGE = TOP / "docs/results/agreement.md"

STEPS, CONFIDENCE = 20_000, 0.90
SEEDS, MORE_SEEDS = 10, 20  # of each comparison; where ten leave its interval too wide for a verdict
OURS, SHIPPED, ALIGNED = "ours", "shipped", "aligned"  # the last two are d3rlpy's
READ = (  # of the train section, by both sides
    *("steps", "batch_size", "hidden", "learning_rate", "actor_schedule"),
    *("discount", "target_update_rate", "reward", "normalise_observations"),
)
MIRROR = "QDOT_D4RL_MIRROR"


@dataclass(frozen=True)
class Compared:
    """A dataset of the study.

    Attributes:
        suite: Whose values are used, with 20,000 steps.
        margin: Largest difference of mean scores that counts as agreement.
        needs_mirror: Whether its file has to lie in the folder that QDOT_D4RL_MIRROR names.
    """

    suite: str
    margin: float
    needs_mirror: bool = False


DATASETS = {
    "pointmaze-umaze": Compared("ablations", 15.0),
    "halfcheetah-replay": Compared("ablations", 5.0),
    "kitchen-complete-v0": Compared("kitchen", 15.0, needs_mirror=True),
}
ALGORITHMS = ("bc", "iql", "td3_bc")


def datasets() -> list[str]:
    """The datasets that can be had here."""
    return [name for name, compared in DATASETS.items() if os.environ.get(MIRROR) or not compared.needs_mirror]


def values_of(dataset: str, algorithm: str, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Resolved values of a cell, with this study's budget.

    Args:
        dataset: Its name in params.yaml.
        algorithm: Likewise.
        changes: Further values as on the command line, e.g. `{"algorithms.iql.actor_dropout": 0.0}`.
    """
    loaded = params.load(TOP)
    changes = {"train.steps": STEPS, "train.evaluate_every": STEPS, **(changes or {})}
    loaded = params.with_command_line(loaded, changes, TOP)
    return params.resolve(loaded, DATASETS[dataset].suite, dataset, algorithm).values
