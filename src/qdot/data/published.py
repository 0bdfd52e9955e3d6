"""What others have published of D4RL's files, and whether a prepared dataset agrees: shown, and rarely a failure."""

import functools
import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qdot.errors import DataError
from qdot.rows import read_rows

log = logging.getLogger("qdot")

TABLE = Path("workflow/resources/dataset_statistics.csv")
COLUMNS = ("dataset", "quantity", "value", "tolerance", "source")
QUANTITIES = ("rows", "marked_episodes", "marked_return_mean", "marked_return_min", "marked_return_max")


@functools.cache
def _read(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Rows of the table by dataset.

    Raises:
        DataError: the table is missing or a row is malformed.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for row in read_rows(path, COLUMNS, DataError):
        try:
            numbers = {key: float(row[key]) for key in ("value", "tolerance")}
        except ValueError as error:
            raise _malformed(path, row) from error
        if row["quantity"] not in QUANTITIES or not row["source"] or not all(map(math.isfinite, numbers.values())):
            raise _malformed(path, row)
        found.setdefault(row["dataset"], []).append({"quantity": row["quantity"], **numbers, "source": row["source"]})
    return found


def _malformed(path: Path, row: Mapping[str, str]) -> DataError:
    expected = f"two finite numbers, a source, and a quantity of {', '.join(QUANTITIES)}"
    return DataError(f"{path}: malformed (row {row}); expected {expected}")


def published_statistics(dataset: str, root: Path = Path()) -> list[dict[str, Any]]:
    """What is published of a D4RL dataset: `quantity`, `value`, `tolerance` (largest difference allowed), `source`."""
    return _read((root / TABLE).absolute()).get(dataset, [])


def compare(manifest: Mapping[str, Any], published: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A prepared dataset beside published statistics.

    Args:
        manifest: Of the data stage; `recorded` holds the file's own counts, made as the sources made theirs.
        published: Rows of `published_statistics`.

    Returns:
        Manifest entries: `published` (each row with `found` and `agrees`) and `warnings`, a sentence per difference.

    Raises:
        DataError: there are more transitions than the file has rows by a published count.
    """
    rows, warnings = [], []
    name, recorded = manifest["dataset"], manifest["recorded"]
    for entry in published:
        quantity, value, found = entry["quantity"], entry["value"], recorded[entry["quantity"]]
        agrees = found is not None and abs(found - value) <= entry["tolerance"]
        rows.append({**entry, "found": found, "agrees": agrees})
        if quantity == "rows" and manifest["transitions"] > value + entry["tolerance"]:
            raise DataError(
                f"{manifest['raw_file']}: {manifest['transitions']:,} transitions; expected at most {value:,.0f}, the "
                f"rows of {name} ({entry['source']}); this is another file, or its rows are doubled"
            )
        if not agrees:
            warnings.append(f"{name}: {quantity}: {found} here, {value:g} published ({entry['source']})")
    for warning in warnings:
        log.warning("%s", warning)
    return {"published": rows, "warnings": warnings}
