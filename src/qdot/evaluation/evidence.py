"""What a study measured, as the claims read it, and what a quantity makes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from qdot.evaluation.draws import Draws
from qdot.evaluation.measures import Measure
from qdot.evaluation.pooled import Pooled
from qdot.evaluation.statistics import Estimate
from qdot.evaluation.studies import Studies
from qdot.evaluation.summary import Settings


class Untestable(Exception):
    """What a quantity needs was not run: no error, the claim's verdict is `not tested` with this reason."""


@dataclass(frozen=True)
class Evidence:
    """What a study measured.

    Attributes:
        board: Scores of the claims' protocol by task.
        evaluations: Evaluations during training of cells that are ok.
        curves: Logged quantities of cells that are ok.
        rates: Seed-steps per second by (dataset, algorithm).
        dataset_episodes: Episodes of the data as the maps move them: a row per cell and episode.
        transport: The transport studies.
        settings: How intervals are made.
    """

    board: Pooled
    evaluations: pd.DataFrame
    curves: pd.DataFrame
    rates: Mapping[tuple[str, str], float]
    dataset_episodes: pd.DataFrame
    transport: Studies
    settings: Settings

    @property
    def draws(self) -> Draws:
        """Which datasets are draws of one recipe."""
        return self.board.draws


@dataclass(frozen=True)
class Secondary:
    """A number shown beside a claim's own; it decides nothing."""

    what: str
    estimate: Estimate


@dataclass(frozen=True)
class Finding:
    """A measured quantity.

    Attributes:
        measure: Value, interval and p-values.
        datasets: Datasets that entered, every draw of a recipe; none where it is from the transport studies.
        algorithms: Algorithms that entered.
        seeds: Smallest number of seeds of any (dataset, algorithm) that entered.
        remarks: Sentences on what was compared.
        limits: Sentences on why this decides nothing about the claim, whatever the interval says.
        secondary: Numbers beside it.
    """

    measure: Measure
    datasets: Sequence[str]
    algorithms: Sequence[str]
    seeds: int
    remarks: list[str] = field(default_factory=list)
    limits: list[str] = field(default_factory=list)
    secondary: list[Secondary] = field(default_factory=list)
