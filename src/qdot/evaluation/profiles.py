"""profiles.csv: share of runs that score above a threshold (performance profiles of Agarwal et al. 2021)."""

import numpy as np
import pandas as pd

from qdot.evaluation.statistics import Array, percentile_interval, resample
from qdot.evaluation.summary import ALL, Board, Settings

COLUMNS = ["dataset", "algorithm", "readout", "threshold", "value", "low", "high", "seeds"]
THRESHOLDS = np.arange(-10.0, 121.0, 2.0)  # points


def profile_table(board: Board, settings: Settings) -> pd.DataFrame:
    """Profiles over the datasets that every algorithm has, by primary readouts; each dataset weighs the same.

    The band is pointwise, from seeds resampled within datasets, for all draws of a recipe together; there is none where
    a dataset has one seed.
    """
    datasets, rows = board.common(), []
    for (algorithm, printed), readout in board.overall() if datasets else []:
        if readout is not None:
            continue
        blocks = board.blocks(datasets, algorithm)
        fewest = min(map(len, blocks))
        if fewest == 0:
            continue
        values = profile([block.reshape(1, -1) for block in blocks])[0]
        generator = settings.generator("profile", board.protocol, algorithm)
        samples = settings.bootstrap_samples
        drawn = profile([resample(block, samples, generator).reshape(samples, -1) for block in blocks])
        for threshold, value, draws in zip(THRESHOLDS, values, drawn.T, strict=True):
            band = percentile_interval(float(value), draws, settings.confidence)[1:] if fewest > 1 else (np.nan, np.nan)
            rows.append((ALL, algorithm, printed, float(threshold), float(value), *band, fewest))
    return pd.DataFrame(rows, columns=COLUMNS)


def profile(groups: list[Array]) -> Array:
    """Share of scores above each threshold, mean over datasets. (draws, seeds) each -> (draws, thresholds)."""
    shares: Array = np.mean([(group[..., None] > THRESHOLDS).mean(axis=-2) for group in groups], axis=0)
    return shares
