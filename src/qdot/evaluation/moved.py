"""What the report draws of single maps: of the first seed of each algorithm, where it moves actions and episodes."""

import pandas as pd

from qdot.evaluation.gather import Gathered

EPISODES = 300  # of a dataset, evenly spaced, that are drawn
COLUMNS = ["dataset", "algorithm", "seed", "episode", "return", "displacement"]


def tables(gathered: Gathered) -> dict[str, pd.DataFrame]:
    """moves.csv and moved_episodes.csv: rows of the first seed that has them, by dataset and algorithm."""
    episodes = _first(gathered.dataset_episodes)[COLUMNS]
    place = episodes.groupby(["dataset", "algorithm"]).cumcount()
    every = (episodes.groupby(["dataset", "algorithm"])["episode"].transform("size") - 1) // EPISODES + 1
    return {"moves": _first(gathered.moves), "moved_episodes": episodes[place % every == 0]}


def _first(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["seed"] == rows.groupby(["dataset", "algorithm"])["seed"].transform("min")]
