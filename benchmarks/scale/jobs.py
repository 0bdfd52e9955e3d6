"""CPU time that the jobs of a suite take on this machine: `python benchmarks/scale/jobs.py [--suite paper]`.

Nothing is trained: the preflight's own estimate (a few measured steps of each kind of model and of each environment) is
taken with the clock of this process, dataset by dataset. How near such an estimate comes: ../estimate/README.md.
"""

import argparse
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import table

from qdot import params, recipes
from qdot.stages import probe
from qdot.stages.estimate import Estimate
from qdot.stages.preflight import UNKNOWN_BYTES
from qdot.study import Study

TOP = Path(__file__).parents[2]
FILE = Path(__file__).with_name("jobs.csv")
COLUMNS = (
    *("suite", "dataset", "algorithms", "seeds", "steps", "download_bytes"),
    *("train_seconds", "play_seconds", "evaluate_seconds", "device", "date"),
)


class ByMethod(Estimate):
    """An estimate of a suite whose models differ in speed by their method alone: each is measured once."""

    def _cost(self, values: Mapping[str, Any], seeds: list[int]) -> probe.Cost:
        if values["method"] not in self._costs:
            self._costs[values["method"]] = probe.probe(values, seeds)
            print(f"measured: {values['method']}", flush=True)
        return self._costs[values["method"]]


def rows_of(study: Study) -> list[table.Row]:
    """A row per dataset: seconds of one core for training, for playing while it trains, and for the last evaluation."""
    made, found = ByMethod(), {}
    for dataset in study.datasets:
        size = recipes.data_recipe(study, dataset)["bytes"] or UNKNOWN_BYTES
        shape = [study.suite, dataset, len(study.algorithms), len(study.seeds)]
        found[dataset] = dict(
            zip(COLUMNS, [*shape, 0, size, 0.0, 0.0, 0.0, table.device(), table.today()], strict=True)
        )
    for recipe in recipes.cell_recipes(study):
        row, before = found[recipe["dataset"]], (made.training, made.evaluation)
        made.add(recipe)
        row["steps"] = recipe["params"]["train"]["steps"]
        row["train_seconds"] += made.training - before[0]
        row["play_seconds" if recipe["stage"] == "train" else "evaluate_seconds"] += made.evaluation - before[1]
    return [
        {key: round(value) if isinstance(value, float) else value for key, value in row.items()}
        for row in found.values()
    ]


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", default="paper")
    parser.add_argument("--out", type=Path, default=FILE)
    chosen = parser.parse_args()
    out = chosen.out.resolve()
    os.chdir(TOP)
    probe.clock = time.process_time  # other work beside does not count
    rows = rows_of(Study.from_config(params.load(), chosen.suite))
    for row in rows:
        print(*row.values())
    table.write(out, COLUMNS, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
