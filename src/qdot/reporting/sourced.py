"""Numbers and texts that know the cell they come from, so that the page can name it beside each."""

from collections import namedtuple
from collections.abc import Iterator, Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any, Self

import pandas as pd

from qdot.errors import ResultsError
from qdot.frames import read_csv
from qdot.provenance import read_json
from qdot.reporting.columns import CLAIM_ADDED

Names = Sequence[str]


class Number(float):
    """A number of a table.

    Attributes:
        source: Its cell: `file#row,column`, the row after the header being 1, or `file#/pointer` of JSON and YAML.
    """

    source: str

    def __new__(cls, value: float, source: str) -> Self:
        """Keep the number, and where it stands."""
        made = super().__new__(cls, value)
        made.source = source
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies keep the cell."""
        return type(self), (float(self), self.source)


class Text(str):
    """A text of a table, equal to itself without a cell; `source` as of `Number`."""

    source: str

    def __new__(cls, value: str, source: str) -> Self:
        """Keep the text, and where it stands."""
        made = super().__new__(cls, value)
        made.source = source
        return made


def sourced(value: Any, source: str) -> Any:
    """A value with its cell; truth values and what is missing stay as they are."""
    if isinstance(value, str):
        return Text(value, source)
    if isinstance(value, Real) and not isinstance(value, bool) and value is not pd.NA:
        return Number(float(value), source)
    return value


def read_table(path: Path, name: str, columns: Names, text: Names) -> pd.DataFrame:
    """Read a table whose rows can say where they stand.

    Args:
        path: The CSV.
        name: What the page calls it.
        columns: Columns that must be there.
        text: Columns that are names, never numbers.

    Raises:
        ResultsError: it is missing, or is not such a table.
    """
    frame = read_csv(path, columns, text=text)
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    frame.attrs["file"] = name
    return frame


def records(frame: pd.DataFrame) -> Iterator[Any]:
    """Rows of a table of `read_table`, or of a part of it, as named tuples of sourced values."""
    row_type, file = namedtuple("Row", frame.columns), frame.attrs["file"]
    for row, values in zip(frame.index, frame.itertuples(index=False, name=None), strict=True):
        pairs = zip(frame.columns, values, strict=True)
        yield row_type(*(sourced(value, f"{file}#{row},{column}") for column, value in pairs))


def pointed(value: Any, name: str, pointer: str = "") -> Any:
    """The content of a JSON or YAML file with the pointer of every leaf (RFC 6901)."""
    if isinstance(value, Mapping):
        return {key: pointed(each, name, f"{pointer}/{key}") for key, each in value.items()}
    if isinstance(value, list):
        return [pointed(each, name, f"{pointer}/{place}") for place, each in enumerate(value)]
    return sourced(value, f"{name}#{pointer}")


def read_judged(path: Path) -> list[dict[str, Any]]:
    """Entries with a verdict (claims.json, expectations.json); what an older study did not record is None.

    Raises:
        ResultsError: the file is missing or damaged.
    """
    found = read_json(path)
    if not isinstance(found, list) or not all(isinstance(entry, dict) and "verdict" in entry for entry in found):
        raise ResultsError(f"{path}: expected a list of objects, each with a verdict; delete it and run compare again")
    try:
        entries = pointed(found, path.name)
    except OverflowError as error:
        raise ResultsError(f"{path}: holds a number beyond any measured ({error}); run compare again") from error
    return [{**dict.fromkeys(CLAIM_ADDED), "secondary": [], **entry} for entry in entries]
