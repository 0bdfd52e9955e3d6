"""The rows of the transport studies: one measured number each, with the bound that it must keep and who says so."""

import csv
import io
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields

COMPARISONS: dict[str, Callable[[float, float], bool]] = {"<": operator.lt, ">": operator.gt}
DIGITS = 10  # significant, of a number in a table


@dataclass(frozen=True)
class Row:
    """One number.

    Attributes:
        study: Name of the study.
        problem: What is solved.
        map: How it is solved: a rung of the ladder (qdot.algorithms.maps), a control, or a method.
        dim: Dimension of the space (of the action).
        samples: Samples that the fit saw; 0 where every step draws fresh ones.
        seed: Of weights and samples.
        metric: What `value` is.
        value: The number.
        threshold: "< 0.05" or "> 10"; empty for a number that is only reported.
        referee: What `value` was held against.
        control: Whether this is a negative control: a map or distance that must miss, and passes by missing.
    """

    study: str
    problem: str
    map: str
    dim: int
    samples: int
    seed: int
    metric: str
    value: float
    threshold: str = ""
    referee: str = ""
    control: bool = False

    @property
    def passed(self) -> bool | None:
        """Whether the value keeps its bound; a control that must miss keeps it by missing. None without a bound."""
        if not self.threshold:
            return None
        sign, bound = self.threshold.split()
        return COMPARISONS[sign](self.value, float(bound))


COLUMNS = (*[field.name for field in fields(Row)][:-2], "passed", "control", "referee")


def to_csv(rows: Iterable[Row]) -> str:
    """Rows as a CSV in long form; `passed` is True, False, or empty, `control` True or False."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        values = {name: getattr(row, name) for name in COLUMNS} | {"value": format(row.value, f".{DIGITS}g")}
        writer.writerow("" if values[name] is None else values[name] for name in COLUMNS)
    return buffer.getvalue()
