"""Which datasets are replayed in their environment, within which bounds, and whether a result is what it should be."""

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qdot.closure import code_digest, package_versions
from qdot.envs import registry as environments
from qdot.errors import ResultsError
from qdot.places import Places
from qdot.provenance import digest, is_inside
from qdot.rows import read_rows

TABLE = Path("workflow/resources/replay_bounds.csv")
FILE = "replay.json"  # beside the prepared dataset's manifest
ENTRY = "qdot.envs.recordings"
NEEDED = ("digest", "raw_sha256", "replay")  # of a result


@dataclass(frozen=True)
class Bound:
    """What a replay must stay below.

    Attributes:
        domain: Of params.yaml.
        environment: Of which environment alone; empty: of every one of the domain.
        measure: Key of a replay's result.
        bound: Its largest value.
        source: Where the number is from.
    """

    domain: str
    environment: str
    measure: str
    bound: float
    source: str


@functools.cache
def read_bounds(path: Path) -> tuple[Bound, ...]:
    """Every row of the table.

    Raises:
        ResultsError: the table is missing or a row is malformed.
    """
    return tuple(_bound(row, path) for row in read_rows(path, tuple(Bound.__dataclass_fields__), ResultsError))


def _bound(row: Mapping[str, str], path: Path) -> Bound:
    try:
        bound = float(row["bound"])
    except ValueError as error:
        raise ResultsError(f"{path}: malformed ({error}); expected a number in each row's bound") from error
    if math.isnan(bound):
        raise ResultsError(f"{path}: malformed (row {row}); expected a number in each row's bound")
    return Bound(**{key: row[key] for key in ("domain", "environment", "measure", "source")}, bound=bound)


def bounds_of(root: Path, domain: str, environment: str | None) -> tuple[Bound, ...]:
    """Bounds of a dataset by its domain and environment. A dataset that has any is replayed, another is not."""
    if not environment:
        return ()
    rows = read_bounds((root / TABLE).absolute())
    return tuple(row for row in rows if row.domain == domain and row.environment in ("", environment))


def replay_recipe(dataset: str, environment: str, core: str, rows: int) -> dict[str, Any]:
    """What a dataset's replay should be made from.

    Args:
        dataset: Its name.
        environment: Its environment's id.
        core: Digest of the prepared dataset.
        rows: Rows to replay.
    """
    entries = [ENTRY, *filter(None, [environments.entry_module(environment)])]
    versions = package_versions(*entries)
    reads = [core, environments.values_of(environment), rows, code_digest(*entries), versions]
    return {
        "stage": "replay",
        "dataset": dataset,
        "environment": environment,
        "rows": rows,
        "versions": versions,
        "digest": digest("replay", reads),
    }


def is_finished(found: Mapping[str, Any] | None, wanted: str, manifest: Mapping[str, Any] | None) -> bool:
    """Whether a result is the replay of the dataset that is prepared now.

    Args:
        found: Content of `replay.json`.
        wanted: The recipe's digest.
        manifest: The prepared dataset's manifest.
    """
    if found is None or found.get("digest") != wanted or found["status"] != "ok":
        return False
    return manifest is None or manifest.get("raw_sha256") == found["raw_sha256"]


def obstacle(places: Places, environment: str, manifest: Mapping[str, Any] | None) -> str | None:
    """Why a dataset cannot be replayed now; None where it can."""
    if manifest is None or manifest["status"] != "ok":
        return "data: not prepared"
    available, reason = environments.is_available(environment)
    if not available:
        return reason
    name = manifest["raw_file"]
    if manifest.get("source") != "file" and not Path(name).is_absolute() and not is_inside(name):
        return f"{name}: leads out of the project; prepare the dataset again"
    if not raw_file(places, manifest).exists():
        return f"{name}: the raw file is not here, and prepared arrays hold no states"
    return None


def raw_file(places: Places, manifest: Mapping[str, Any]) -> Path:
    """The raw file that a dataset was prepared from; a user's own (source `file`) lies where its path says."""
    name = manifest["raw_file"]
    return places.root / name if manifest.get("source") == "file" else places.path(name)
