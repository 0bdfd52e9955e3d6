"""curve.csv: what training measured, averaged between rows, and diagnostics at each row.

No clock in it, so that equal runs give equal files.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from qdot.provenance import write_atomic


class Curve:
    """The rows of one seed.

    Attributes:
        columns: Names of the quantities.
        rows: (step, values by column) per row; a term is the mean over the steps since the row before, a diagnostic is
            of the row's step.
    """

    def __init__(self) -> None:
        """Start without rows."""
        self.columns: Sequence[str] = ()
        self.rows: list[tuple[int, list[float]]] = []

    def add(
        self, step: int, columns: Sequence[str], values: npt.NDArray[np.float32], diagnostics: Mapping[str, float]
    ) -> None:
        """Add a row from the values (columns, steps) of the steps up to `step`, and diagnostics by name."""
        self.columns = [*columns, *diagnostics]
        means = [float(np.mean(line, dtype=np.float64)) for line in values]
        self.rows.append((step, [*means, *diagnostics.values()]))

    def write(self, path: Path) -> None:
        """Write `step` and one column per term."""
        lines = [",".join(["step", *self.columns])]
        lines += [",".join([str(step), *(f"{value:.9g}" for value in values)]) for step, values in self.rows]
        write_atomic(path, "\n".join(lines) + "\n")
