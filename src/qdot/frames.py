"""CSV tables as data frames: one way to write them, one way to read them."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qdot.errors import ResultsError
from qdot.provenance import write_atomic

FLOAT_FORMAT = "%.10g"  # beyond any measured digit, short of the last bits in which machines differ


def write_csv(path: Path, frame: pd.DataFrame) -> None:
    """Write a table atomically; equal tables give equal bytes, and an unknown value is an empty field."""
    write_atomic(path, frame.to_csv(index=False, float_format=FLOAT_FORMAT, lineterminator="\n"))


def evenly(frame: pd.DataFrame, most: int) -> pd.DataFrame:
    """At most so many rows of a table, evenly spaced, first and last included."""
    places = np.linspace(0, len(frame) - 1, min(len(frame), most))
    return frame.iloc[np.unique(places.round().astype(int))]


def read_csv(path: Path, columns: Sequence[str], text: Sequence[str] = (), numbers: Sequence[str] = ()) -> pd.DataFrame:
    """Read a table that another stage wrote.

    Args:
        path: The CSV.
        columns: Columns that must be there.
        text: Those of them that are names, never numbers.
        numbers: Those of them that hold numbers, or nothing.

    Raises:
        ResultsError: the file is missing, is no CSV, lacks a column, or has something else where numbers stand.
    """
    try:
        frame = pd.read_csv(path, dtype=dict.fromkeys(text, "str"))
    except FileNotFoundError as error:
        raise ResultsError(f"{path}: no such file; run the stage that writes it") from error
    except (ValueError, OSError, OverflowError) as error:
        raise ResultsError(f"{path}: is no readable CSV ({error}); delete it and run its stage again") from error
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise ResultsError(
            f"{path}: columns {', '.join(missing)} are missing; found {', '.join(frame.columns)}; "
            "expected a file of this version of qdot: run its stage again"
        )
    require_numbers(path, frame, numbers)
    return frame


def require_numbers(path: Path, frame: pd.DataFrame, columns: Iterable[str]) -> None:
    """Refuse a table in which something else stands where numbers should, or nothing.

    Raises:
        ResultsError: names file and column.
    """
    for column in columns if len(frame) else ():
        values = frame[column]
        if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
            raise ResultsError(
                f"{path}: {column}: found {values.dtype}, expected numbers; delete it and run its stage again"
            )


def records(frame: pd.DataFrame) -> Iterator[Any]:
    """Rows as named tuples."""
    return iter(frame.itertuples(index=False))


def groups(frame: pd.DataFrame, *columns: str) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame]]:
    """(values of the columns, rows) in the order of first appearance."""
    for key, rows in frame.groupby(list(columns), sort=False):
        yield (key if isinstance(key, tuple) else (key,)), rows
