"""`qdot verify`: runs of one's own beside the kept suites of docs/results, every difference listed."""

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from qdot.errors import ResultsError
from qdot.evaluation import verification
from qdot.evaluation.verification import Row, Tolerances
from qdot.frames import read_csv
from qdot.kept import FOLDER, Kept, find
from qdot.manifests import find_manifest
from qdot.places import Places
from qdot.provenance import read_json
from qdot.results import vouched
from qdot.stages.listing import aligned, by_value, listed

HEAD = (
    *("dataset", "algorithm", "readout", "protocol"),
    *("kept", "own", "difference", "interval", "tolerance", "seeds", "verdict"),
)
JUDGED = ("claims", "expectations")
Result = dict[str, Any]


def run(wanted: str | None, as_json: bool, root: Path = Path()) -> tuple[str, int]:
    """Compare what was run here with what is kept.

    Args:
        wanted: A suite, or the name of a subset's folder in results/subsets; None for all.
        as_json: Whether to answer in JSON.
        root: The project's top folder.

    Returns:
        The text, and the exit status: 0 where no row is `beyond` and some row was compared in each run, else 1.

    Raises:
        ResultsError: a kept file or a table is damaged, or there is nothing to compare.
    """
    tolerances, places, results, idle = Tolerances.load(root), Places.load(root), [], []
    for kept in find(root):
        runs = list(_own_runs(kept, wanted, places))
        results += [_compare(kept, tables, tolerances, places) for tables in runs]
        idle += [] if runs else [f"{kept.directory.relative_to(root)} (suite {kept.manifest['suite']})"]
    if not results:
        raise ResultsError(
            f"nothing to verify{f' of {wanted}' if wanted else ''}: kept under {FOLDER}: "
            f"{', '.join(idle) or 'nothing'}; expected results of such a suite here: "
            "run `snakemake SUITE --cores all` first"
        )
    status = int(any(result["status"] != "agrees" for result in results))
    if as_json:
        return json.dumps({"runs": results, "no_run_here": idle}, indent=1), status
    lines = [line for result in results for line in (*_text(result), "")]
    return "\n".join([*lines, *([] if wanted else [f"no run here of: {name}" for name in idle])]).rstrip(), status


def _own_runs(kept: Kept, wanted: str | None, places: Places) -> Iterator[Path]:
    """Folders of tables of the kept suite or of a subset of it."""
    suite = kept.manifest["suite"]
    for path in sorted([*places.results.glob("*/compare"), *places.results.glob("subsets/*/compare")]):
        manifest = find_manifest(path / "manifest.json", "suite")
        if manifest and manifest["suite"] == suite and wanted in (None, suite, path.parent.name):
            yield path


def _compare(kept: Kept, tables: Path, tolerances: Tolerances, places: Places) -> Result:
    """One run beside a kept one."""
    vouched(tables)
    folders = (kept.directory, tables)
    kept_values, own_values = map(verification.read_values, folders)
    values = verification.differing_values(kept_values, own_values, tolerances.descriptive)
    changed = set(zip(values["dataset"], values["algorithm"], strict=True))
    runs = [verification.read_runs(folder, tolerances.protocols) for folder in folders]
    rows = verification.verify(runs[0], runs[1], changed, tolerances)
    counts = Counter(row.verdict for row in rows)
    compared = counts["identical"] + counts["within"] + counts["far"]
    status = "differs" if counts["beyond"] else "agrees" if compared else "not comparable"
    return {
        "kept": str(kept.directory.relative_to(places.root)),
        "own": places.name(tables),
        "kept_is": kept.manifest["status"],
        "status": status,
        "confidence": tolerances.confidence,
        "counts": {verdict: counts[verdict] for verdict in verification.VERDICTS},
        "rows": [_finite(row) for row in rows],
        "values": values.to_dict("records"),
        "made_with": verification.differing_making(*_making(folders)),
        **{name: verification.differing_verdicts(*(_judged(folder, name) for folder in folders)) for name in JUDGED},
    }


def _making(folders: Sequence[Path]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What both runs were made with."""
    columns = ("stage", "field", "value")
    kept, own = (read_csv(folder / "made_with.csv", columns, text=columns) for folder in folders)
    return kept, own


def _judged(folder: Path, name: str) -> list[dict[str, Any]]:
    return read_json(folder / f"{name}.json") if (folder / f"{name}.json").is_file() else []


def _finite(row: Row) -> dict[str, Any]:
    """A row for JSON, which knows no NaN."""
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in row._asdict().items()}


def _text(result: Result) -> Iterator[str]:
    """A run's comparison in words and a table of every row that is not identical."""
    partial = " (partial)" if result["kept_is"] == "partial" else ""
    yield f"{result['own']} beside {result['kept']}{partial}: {result['status']}"
    counted = [f"{count} {verdict}" for verdict, count in result["counts"].items() if count]
    yield f"  rows: {', '.join(counted) or 'none has a score'}"
    judged = sum(result["counts"][verdict] for verdict in ("within", "far", "beyond"))
    if judged:
        expected = judged * (1 - result["confidence"])
        yield f"  of {judged} rows that were judged, about {expected:.1f} are expected far by chance, none beyond"
    yield from aligned(HEAD, [_fields(row) for row in result["rows"] if row["verdict"] != "identical"])
    yield from listed("values that differ (kept -> own)", by_value(result["values"], "kept", "own"))
    made = [f"{e['stage']} {e['field']}: {e['kept']} -> {e['own']}" for e in result["made_with"]]
    yield from listed("made with (kept -> own)", made)
    for name in JUDGED:
        texts = [f"{e['id']}: {e['verdict'][0]} -> {e['verdict'][1]}" for e in result[name]]
        yield from listed(f"{name} whose verdict differs (kept -> own)", texts)


def _fields(row: Mapping[str, Any]) -> tuple[str, ...]:
    names = tuple(str(row[key]) for key in HEAD[:4])
    numbers = tuple("-" if row[key] is None else f"{row[key]:.2f}" for key in HEAD[4:9])
    return (*names, *numbers, f"{row['kept_seeds']}, {row['own_seeds']}", row["verdict"])
