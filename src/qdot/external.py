"""Scores from elsewhere, as `qdot import-scores` adds them: each with its source, shown, and part of no statistic."""

import csv
import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from qdot.errors import DataError

TABLE = Path("workflow/resources/external_scores.csv")


class Row(NamedTuple):
    """One score.

    Attributes:
        dataset: A dataset of params.yaml.
        algorithm: Whatever its source calls it.
        readout: How the policy acted; empty where the source does not say.
        seed: The seed; None where the score is of no single one.
        protocol: Which evaluation it is from, as its source reports it.
        score: On D4RL's scale.
        source: Who says so: a text or a URL.
    """

    dataset: str
    algorithm: str
    readout: str
    seed: int | None
    protocol: str
    score: float
    source: str

    @property
    def identity(self) -> tuple[str, str, str, str, str, int]:
        """All but the score; no two rows share it, and rows are sorted by it."""
        seed = -1 if self.seed is None else self.seed
        return self.dataset, self.algorithm, self.readout, self.protocol, self.source, seed


COLUMNS = Row._fields
OPTIONAL = ("readout", "seed")
LONGEST_SEED = 18  # digits
SAME = ", ".join(column for column in COLUMNS if column != "score")


def read(path: Path, datasets: Collection[str] | None = None) -> dict[int, Row]:
    """Read and check a CSV of scores.

    Args:
        path: The file: a header with `COLUMNS`, of which those in `OPTIONAL` may be absent, in any order.
        datasets: Names that may stand in column `dataset`; None for any.

    Returns:
        Rows by their line in the file.

    Raises:
        DataError: names the file, the line, what was found and what was expected.
    """
    rows: dict[int, Row] = {}
    lines: dict[tuple[str, str, str, str, str, int], int] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            _check_header(path, reader.fieldnames or ())
            for fields in reader:
                where = f"{path}: line {reader.line_num}"
                row = _row(where, fields, datasets)
                first = lines.setdefault(row.identity, reader.line_num)
                if first != reader.line_num:
                    raise DataError(f"{where}: is of the same {SAME} as line {first}; expected one row of each")
                rows[reader.line_num] = row
    except csv.Error as error:
        raise DataError(f"{path}: near line {reader.line_num}: {error}; expected a CSV with matching quotes") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error}); expected a CSV in UTF-8") from error
    return rows


def of(root: Path, datasets: Collection[str]) -> list[Row]:
    """The imported scores on some datasets, sorted; none where the project has no `TABLE`.

    Raises:
        DataError: the table was damaged.
    """
    path = root / TABLE
    rows = read(path).values() if path.is_file() else ()
    return sorted((row for row in rows if row.dataset in datasets), key=lambda row: row.identity)


def _check_header(path: Path, found: Collection[str]) -> None:
    needed = [column for column in COLUMNS if column not in OPTIONAL]
    wrong = [column for column in found if column not in COLUMNS]
    if wrong or not set(needed) <= set(found) or len(set(found)) < len(found):
        raise DataError(
            f"{path}: line 1: found the columns {', '.join(found) or 'none'}; expected {', '.join(needed)}, and where "
            f"known {', '.join(OPTIONAL)}"
        )


def _row(where: str, fields: Mapping[str | None, str | list[str] | None], datasets: Collection[str] | None) -> Row:
    if None in fields or None in fields.values():
        raise DataError(f"{where}: has another number of fields than the header; quote what holds a comma")
    texts = {column: str(fields.get(column, "")).strip() for column in COLUMNS}
    for column, text in texts.items():
        if "\n" in text or "\r" in text or not (text or column in OPTIONAL):
            raise DataError(f"{where}: {column}: found {text!r}, expected a text of one line")
    if datasets is not None and texts["dataset"] not in datasets:
        known = ", ".join(datasets)
        raise DataError(f"{where}: dataset: found {texts['dataset']!r}, expected one of params.yaml: {known}")
    if texts["seed"] and not (texts["seed"].isdecimal() and len(texts["seed"]) <= LONGEST_SEED):
        found = f"{texts['seed'][:40]!r}"
        raise DataError(f"{where}: seed: found {found}, expected a whole number of 0 or more, or nothing")
    seed = int(texts["seed"]) if texts["seed"] else None
    return Row(
        dataset=texts["dataset"],
        algorithm=texts["algorithm"],
        readout=texts["readout"],
        seed=seed,
        protocol=texts["protocol"],
        score=_score(where, texts["score"]),
        source=texts["source"],
    )


def _score(where: str, text: str) -> float:
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        raise DataError(f"{where}: score: found {text!r}, expected a finite number")
    return score
