"""curve.csv: what training measured, averaged between rows. No clock in it, so that equal runs give equal files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from qdot.provenance import write_atomic


class Curve:
    """The rows of one seed.

    Attributes:
        rows: (step, values by column) per row; a value is the mean over the steps since the row before.
    """

    def __init__(self) -> None:
        """Start without rows."""
        self._columns: Sequence[str] = ()
        self.rows: list[tuple[int, list[float]]] = []

    def add(self, step: int, columns: Sequence[str], values: npt.NDArray[np.float32]) -> None:
        """Add a row from the values (columns, steps) of the steps up to `step`."""
        self._columns = columns
        self.rows.append((step, [float(np.mean(line, dtype=np.float64)) for line in values]))

    def write(self, path: Path) -> None:
        """Write `step` and one column per term."""
        lines = [",".join(["step", *self._columns])]
        lines += [",".join([str(step), *(f"{value:.9g}" for value in values)]) for step, values in self.rows]
        write_atomic(path, "\n".join(lines) + "\n")
