"""From recorded steps to transitions that stay inside their episodes."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qdot.data.recording import Recording
from qdot.errors import DataError


@dataclass(frozen=True)
class Transitions:
    """Usable steps, environment units.

    Attributes:
        rows: int64 (transitions,), the recording's row of each.
        successors: float32 (steps, obs): recorded next observations, or the observations themselves.
        following: int64 (transitions,), the row of `successors` that is each transition's next observation; a terminal
            row without a recorded one keeps its own observation.
        episode_starts: int64 (episodes,), first transition of each episode.
    """

    rows: npt.NDArray[np.int64]
    successors: npt.NDArray[np.float32]
    following: npt.NDArray[np.int64]
    episode_starts: npt.NDArray[np.int64]


def cut_episodes(recording: Recording) -> Transitions:
    """Keep every step whose next observation is known or not needed.

    An episode ends at a terminal, at a marked end, and with the recording. Without recorded next observations, an end
    that is no terminal is dropped: what follows it is unknown.

    Raises:
        DataError: no step is left.
    """
    steps = len(recording)
    ends = recording.terminals | recording.ends
    ends[-1] = True
    episode: npt.NDArray[np.int64] = np.cumsum(ends) - ends  # episode number of each row
    if recording.next_observations is None:
        rows = np.flatnonzero(~ends | recording.terminals)
        successors, following = recording.observations, rows + ~ends[rows]
    else:
        rows = np.arange(steps)
        successors, following = recording.next_observations, rows
    if len(rows) == 0:
        raise DataError(
            f"{recording.path}: no usable transition in {steps:,} rows: every row ends an episode without a terminal; "
            "expected episodes of two rows or more, or next_observations"
        )
    starts = np.flatnonzero(np.diff(episode[rows], prepend=-1))
    return Transitions(rows.astype(np.int64), successors, following.astype(np.int64), starts.astype(np.int64))
