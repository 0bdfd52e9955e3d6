"""What others have published of D4RL's files, and whether a prepared dataset agrees: shown, and rarely a failure."""

import csv
import functools
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qdot.errors import DataError

log = logging.getLogger("qdot")

TABLE = Path("workflow/resources/dataset_statistics.csv")
COLUMNS = ["dataset", "quantity", "value", "tolerance", "source"]
QUANTITIES = ("rows", "marked_episodes", "marked_return_mean", "marked_return_min", "marked_return_max")


@functools.cache
def _read(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Rows of the table by dataset.

    Raises:
        DataError: the table is missing or a row is malformed.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if list(row) != COLUMNS or row["quantity"] not in QUANTITIES or not row["source"]:
                    raise ValueError(f"row {row}")
                numbers = {key: float(row[key]) for key in ("value", "tolerance")}
                entry = {"quantity": row["quantity"], **numbers, "source": row["source"]}
                found.setdefault(row["dataset"], []).append(entry)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); run from the project's top folder") from error
    except (ValueError, TypeError) as error:
        expected = f"columns {','.join(COLUMNS)}, a source, and a quantity of {', '.join(QUANTITIES)}"
        raise DataError(f"{path}: malformed ({error}); expected {expected}") from error
    return found


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
