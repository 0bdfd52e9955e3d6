"""`qdot import-scores`: add scores from elsewhere to the project's table of them, or take those of a source out."""

import logging
from collections.abc import Iterable
from pathlib import Path

from qdot import params as parameters
from qdot.errors import DataError
from qdot.evaluation.tables import write_rows
from qdot.external import COLUMNS, TABLE, Row, read

log = logging.getLogger("qdot")
DUE = "tables and reports with their datasets are due again"


def add(path: Path, root: Path = Path()) -> None:
    """Add a file's rows; those that are there already change nothing.

    Args:
        path: A CSV, as `qdot.external.read` reads it.
        root: The project's top folder.

    Raises:
        DataError: the file is malformed, or gives another score than is there for what is otherwise the same row.
    """
    given = read(path, parameters.load(root)["datasets"])
    found = {row.identity: row for row in _rows(root)}
    for line, row in given.items():
        before = found.get(row.identity, row)
        if before.score != row.score:
            raise DataError(
                f"{path}: line {line}: score: found {row.score:g}, and {TABLE} has {before.score:g} of the same row; "
                f"take its source out first: qdot import-scores --remove {row.source!r}"
            )
    new = [row for row in given.values() if row.identity not in found]
    if new:
        _write(root, [*found.values(), *new])
    log.info("%s: %d rows added, %d were there%s", TABLE, len(new), len(given) - len(new), f"; {DUE}" if new else "")


def remove(source: str, root: Path = Path()) -> None:
    """Take out every row of a source.

    Raises:
        DataError: there is none.
    """
    rows = _rows(root)
    left = [row for row in rows if row.source != source]
    if len(left) == len(rows):
        known = "; ".join(sorted({row.source for row in rows})) or "none"
        raise DataError(f"{TABLE}: no row has the source {source!r}; expected one of those there: {known}")
    _write(root, left)
    log.info("%s: %d rows of %s taken out; %s", TABLE, len(rows) - len(left), source, DUE)


def _rows(root: Path) -> list[Row]:
    return list(read(root / TABLE).values()) if (root / TABLE).is_file() else []


def _write(root: Path, rows: Iterable[Row]) -> None:
    ordered = sorted(rows, key=lambda row: row.identity)
    write_rows(root / TABLE, COLUMNS, [{**row._asdict(), "score": repr(row.score)} for row in ordered])
