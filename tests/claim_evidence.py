"""Invented evidence for claims, without files: a study of names, and what it measured. Nothing was ever trained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd

from qdot.evaluation.draws import Draws
from qdot.evaluation.evidence import Evidence
from qdot.evaluation.history import Change
from qdot.evaluation.pooled import Pooled
from qdot.evaluation.studies import Studies
from qdot.evaluation.summary import Board, Settings

SETTINGS = Settings(confidence=0.95, bootstrap_samples=2000, bootstrap_seed=0)
EPISODES = ["dataset", "algorithm", "seed", "episode", "cluster", "return", "length", "displacement"]
TRANSPORT_RUN = {"git_commit": "f00d", "finished": "2025-06-01T00:00:00Z"}
ALONE = Draws({})  # every dataset is a recipe of its own
Scores = Mapping[tuple[str, str], Sequence[float]]  # by (dataset, algorithm), one number per seed


@dataclass
class Names:
    """What a judge asks of a study: datasets, algorithms, and the values of either."""

    datasets: Sequence[str]
    algorithms: Sequence[str]
    scales: Mapping[str, str] = field(default_factory=dict)  # q_scale of the variants of qdot
    steps: int = 1000000

    def resolved(self, dataset: str, algorithm: str) -> dict[str, Any]:
        values: dict[str, Any] = {"train": {"steps": self.steps}, "algorithm_values": {}, "primary_readout": "policy"}
        if self.method(algorithm) == "qdot":
            values["algorithm_values"]["q_scale"] = self.scales.get(algorithm, "gradient_norm")
        return values

    def method(self, algorithm: str) -> str:
        return "qdot" if algorithm in self.scales else algorithm

    def swept_from(self, algorithm: str) -> str | None:
        return "qdot" if algorithm in self.scales else None


class Written:
    """A history in which every rule was written at one moment."""

    def __init__(self, date: str | None = "2025-01-01T00:00:00+00:00") -> None:
        self.date = date

    def change(self, *_: Any) -> Change:
        return Change("c0ffee" if self.date else "unknown", self.date)


def board(scores: Scores, draws: Draws = ALONE) -> Board:
    rows = [
        {"dataset": d, "algorithm": a, "readout": "policy", "seed": k, "protocol": "final", "score": x, "episodes": 50}
        for (d, a), values in scores.items()
        for k, x in enumerate(values)
    ]
    columns = ["dataset", "algorithm", "readout", "seed", "protocol", "score", "episodes"]
    return Board(pd.DataFrame(rows, columns=columns), "final", dict.fromkeys(scores, "policy"), draws)


def pooled(scores: Scores, recipes: Mapping[str, str] | None = None) -> Pooled:
    """Scores by task; `recipes` names the recipe of each dataset that is a draw of one."""
    draws = Draws(recipes or {})
    return Pooled(board(scores, draws), draws)


def evaluations(courses: Mapping[tuple[str, str], np.ndarray], noise: float = 0.0) -> pd.DataFrame:
    """Evaluations during training from arrays (seeds, times) of scores."""
    rows = [
        (d, a, "policy", seed, 100 * (time + 1), score, noise)
        for (d, a), course in courses.items()
        for seed, line in enumerate(course)
        for time, score in enumerate(line)
    ]
    return pd.DataFrame(rows, columns=["dataset", "algorithm", "readout", "seed", "step", "score", "noise"])


def curves(ratios: Mapping[tuple[str, str], Sequence[float]], quantity: str = "displacement_over_sd") -> pd.DataFrame:
    rows = [(d, a, k, 1000, quantity, x) for (d, a), values in ratios.items() for k, x in enumerate(values)]
    return pd.DataFrame(rows, columns=["dataset", "algorithm", "seed", "step", "quantity", "value"])


def episodes(dataset: str, slope: float, seeds: int = 10, clusters: int = 20, each: int = 10) -> pd.DataFrame:
    """Episodes of the data whose displacement follows their return with a slope, plus noise of each map."""
    generator = np.random.default_rng([crc32(dataset.encode()), clusters])
    count = clusters * each
    returns, lengths = generator.normal(size=count), generator.integers(50, 100, count)
    noise = generator.normal(size=count)
    frames = []
    for seed in range(seeds):
        moved = slope * returns + noise + 0.1 * generator.normal(size=count)
        rows = {"dataset": dataset, "algorithm": "qdot", "seed": seed, "episode": np.arange(count)}
        rows |= {"cluster": np.repeat(np.arange(clusters), each), "return": returns, "length": lengths}
        frames.append(pd.DataFrame({**rows, "displacement": moved, "imitation_distance": moved, "action_sd": 1.0}))
    return pd.concat(frames, ignore_index=True)


def transport(problem: str, values: Mapping[tuple[str, int, str], Sequence[float]]) -> pd.DataFrame:
    """A table of the transport studies from (map, samples, metric) -> one number per seed."""
    rows = [
        {"study": "x", "problem": problem, "map": m, "samples": n, "dim": 16, "seed": k, "metric": metric, "value": x}
        for (m, n, metric), numbers in values.items()
        for k, x in enumerate(numbers)
    ]
    return pd.DataFrame(rows)


def evidence(
    scores: Scores | None = None,
    settings: Settings = SETTINGS,
    recipes: Mapping[str, str] | None = None,
    transport: Mapping[str, pd.DataFrame] | None = None,
    **more: Any,
) -> Evidence:
    """Evidence of nothing but what is given."""
    empty: dict[str, Any] = {"evaluations": evaluations({}), "curves": curves({}), "rates": {}}
    empty["dataset_episodes"] = pd.DataFrame(columns=EPISODES)
    empty["transport"] = Studies(transport or {}, run=TRANSPORT_RUN if transport else {})
    return Evidence(board=pooled(scores or {}, recipes), settings=settings, **(empty | more))
