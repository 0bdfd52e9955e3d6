"""Steps in the order they were recorded: what every reader gives, before episodes are cut."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from qdot.errors import DataError

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]


def _row(index: int) -> str:
    return f"row {index}"


@dataclass(frozen=True)
class Recording:
    """Steps of all episodes, one after the other.

    Attributes:
        path: File or folder that was read, for messages.
        observations: (steps, obs), environment units.
        actions: (steps, act), environment units.
        rewards: (steps,).
        terminals: (steps,), true terminals.
        ends: (steps,), last step of an episode for another reason (time-out, end of the recording).
        next_observations: (steps, obs) where recorded, else None.
        marked: (steps,), the ends that the source itself marks, where `ends` has others too.
        keys: The source's own names of `observations`, ..., for messages.
        where: Names a step to the user: `row 17`, `episode 3, step 2`.
    """

    path: Path
    observations: Floats
    actions: Floats
    rewards: Floats
    terminals: Flags
    ends: Flags
    next_observations: Floats | None = None
    marked: Flags | None = None
    keys: dict[str, str] = field(default_factory=dict)
    where: Callable[[int], str] = _row

    def __len__(self) -> int:
        """Number of steps."""
        return len(self.observations)

    def reject(self, key: str, bad: npt.NDArray[np.bool_], found: str, expected: str) -> DataError:
        """The error for bad steps: names file, key, first bad row and how many there are."""
        first, count = int(np.argmax(bad)), int(np.count_nonzero(bad))
        rows = "row" if count == 1 else "rows"
        return DataError(
            f"{self.path}: {self.keys.get(key, key)}: {self.where(first)}: {found}; expected {expected} "
            f"({count:,} bad {rows} of {len(bad):,})"
        )
