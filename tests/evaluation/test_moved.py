"""What the report draws of single maps: one seed of each algorithm, and few enough dots."""

import numpy as np
import pandas as pd

from qdot.evaluation.moved import EPISODES, tables


class Cells:
    """Tables of two seeds, one algorithm with many episodes and one with few."""

    def __init__(self) -> None:
        parts = [("qdot", 1, 1000), ("qdot", 0, 1000), ("no_icnn", 1, 40)]
        columns = ("cluster", "length", "imitation_distance", "action_sd")
        self.dataset_episodes = pd.concat(
            pd.DataFrame(
                {"dataset": "d", "algorithm": a, "seed": s, "episode": np.arange(n), "return": 1.0 * s}
            ).assign(displacement=0.5, **dict.fromkeys(columns, 0.0))
            for a, s, n in parts
        )
        self.moves = pd.DataFrame(
            {"dataset": "d", "algorithm": [a for a, *_ in parts], "seed": [s for _, s, _ in parts]}
        )


def test_only_the_first_seed_of_each_is_taken() -> None:
    found = tables(Cells())  # type: ignore[arg-type]
    assert found["moves"].values.tolist() == [["d", "qdot", 0], ["d", "no_icnn", 1]]
    assert found["moved_episodes"].groupby("algorithm")["seed"].unique().map(list).to_dict() == {
        "no_icnn": [1],
        "qdot": [0],
    }


def test_many_episodes_are_thinned_evenly() -> None:
    found = tables(Cells())["moved_episodes"]  # type: ignore[arg-type]
    qdot = found[found["algorithm"] == "qdot"]["episode"]
    assert EPISODES / 2 < len(qdot) <= EPISODES
    assert set(np.diff(qdot)) == {4}
    assert (found["algorithm"] == "no_icnn").sum() == 40
