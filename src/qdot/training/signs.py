"""Failure signs: what a run says has gone wrong, by stated thresholds. A sign is a warning, not a failure of the run.

Those of a curve look at its last half, so that a start in disorder is no sign. The thresholds are ours; what they were
held against, and when, is in docs/algorithms.md:

- identity collapse: the map moves the data's actions by less than a fiftieth of the behaviour's spread. Chosen post
  hoc: the claim on HalfCheetah calls a twentieth "near the identity", and a good run may be there.
- discriminator oscillation: the changes of the discriminator's loss from row to row have a standard deviation above
  1.2 times its mean size. An alternation between x and -x is at 2; the default step on the maze, where the distance
  itself is small, at about .7.
- value divergence: values beyond what the rewards allow, max|r| / (1 - gamma).
- policy leaves the data: a readout acts at more than `FAR` standard deviations of the behaviour model, where there is
  one; or further from the data's own actions than `AWAY` times their spread (a constant action is at 1).

One looks at the last checkpoint's episodes, since only these tell what came of a value:

- value over-estimation: the critic's value at their start lies above the discounted return that followed by more than
  a quarter of the largest that an episode of the data has. Chosen post hoc.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
COLLAPSED = 0.02
SWING = 1.2
VALUE_LIMIT = 1.0
LARGE = 1e30  # stands for infinity
FAR = 5.0
AWAY = 1.5
OVERESTIMATED = 0.25
SHARE = "value_overestimation_share"  # of a readout, in diagnostics.csv and, behind its name, in a sign


class Sign(NamedTuple):
    """A failure sign that was seen.

    Attributes:
        sign: Its name.
        quantity: Column of the curve; `<readout>_value_overestimation_share` of the last checkpoint.
        value: What was found.
        threshold: What it was held against.
    """

    sign: str
    quantity: str
    value: float
    threshold: float


def swing(values: Array) -> float:
    """Standard deviation of the changes from row to row, over the mean size."""
    return float(np.std(np.diff(values)) / max(float(np.mean(np.abs(values))), 1e-12)) if len(values) > 2 else 0.0


class Detector(NamedTuple):
    """A sign: the columns whose names end so, a statistic of their last half, and the side of the threshold."""

    sign: str
    ending: str
    statistic: Callable[[Array], float]
    threshold: float
    below: bool = False


DETECTORS = (
    Detector("identity collapse", "displacement_over_sd", lambda values: float(np.median(values)), COLLAPSED, True),
    Detector("discriminator oscillation", "discriminator_loss", swing, SWING),
    Detector("value divergence", "value_over_bound", lambda values: float(np.median(values)), VALUE_LIMIT),
    Detector("policy leaves the data", "standard_distance", lambda values: float(np.median(values)), FAR),
    Detector("policy leaves the data", "data_distance", lambda values: float(np.median(values)), AWAY),
)


def find_signs(columns: Sequence[str], rows: Sequence[Sequence[float]]) -> list[Sign]:
    """The signs in a curve.

    Args:
        columns: Names of its quantities.
        rows: Values by row, in the order of the steps.
    """
    table = {name: np.array([row[index] for row in rows], float) for index, name in enumerate(columns)}
    found = []
    for detector in DETECTORS:
        for name, values in table.items():
            late = values[len(values) // 2 :]
            late = late[~np.isnan(late)].clip(-LARGE, LARGE)
            if not name.endswith(detector.ending) or not len(late):
                continue
            value = detector.statistic(late)
            if value < detector.threshold if detector.below else value > detector.threshold:
                found.append(Sign(detector.sign, name, value, detector.threshold))
    return found


def overestimation_signs(shares: Mapping[str, float]) -> list[Sign]:
    """The readouts of which the critic promises too much.

    Args:
        shares: By readout: the mean of value minus discounted return at the start of its episodes, over the largest
            absolute discounted return of an episode of the data.
    """
    return [
        Sign("value over-estimation", f"{readout}_{SHARE}", min(share, LARGE), OVERESTIMATED)
        for readout, share in shares.items()
        if share > OVERESTIMATED
    ]
