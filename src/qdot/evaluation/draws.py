"""Draws of one recipe: datasets that differ by the recipe's random numbers alone, and are one task to any test.

Seed k of every draw shares its initial weights and its stream of minibatches, so numbers are averaged over the draws
of a seed first, and seeds are resampled for all draws together. An interval then holds the spread over seeds; draws are
too few to say how much another draw would change.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from qdot.study import Study


@dataclass(frozen=True)
class Draws:
    """Which datasets are draws of which recipe.

    Attributes:
        recipes: The recipe's name by dataset; what is not named is a recipe of its own.
    """

    recipes: Mapping[str, str]

    @classmethod
    def of(cls, study: Study) -> "Draws":
        """The draws among a study's datasets: `draw_of` in params.yaml."""
        found = study.params["datasets"]
        return cls({dataset: found[dataset].get("draw_of") or dataset for dataset in study.datasets})

    def recipe(self, dataset: str) -> str:
        """The recipe that a dataset is a draw of."""
        return self.recipes.get(dataset, dataset)

    def tasks(self, datasets: Sequence[str]) -> list[str]:
        """The recipes of datasets, each once."""
        return list(dict.fromkeys(map(self.recipe, datasets)))

    def members(self, task: str) -> list[str]:
        """Every draw of a recipe."""
        return [dataset for dataset, recipe in self.recipes.items() if recipe == task] or [task]


def average(draws: Sequence["pd.Series[float]"]) -> "pd.Series[float]":
    """Mean over draws by seed, over the seeds that all draws have; a draw without any number is left out.

    Args:
        draws: Numbers of each draw, indexed by seed.
    """
    found = [values for values in draws if len(values)]
    if not found:
        return pd.Series(dtype=float)
    return pd.concat(found, axis=1, join="inner").mean(axis=1).sort_index()


def remark(used: Sequence[str], draws: Draws) -> list[str]:
    """A sentence where a recipe has several draws among the datasets that entered."""
    counts = {task: sum(draws.recipe(dataset) == task for dataset in used) for task in draws.tasks(used)}
    several = [f"{count} draws of {task}" for task, count in counts.items() if count > 1]
    if not several:
        return []
    return [
        f"Averaged over draws by seed: {', '.join(several)}; one task each. The interval holds the spread over seeds, "
        "not over draws."
    ]
