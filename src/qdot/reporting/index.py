"""The list of reports: a page beside the suites' folders that leads to each."""

from pathlib import Path
from typing import Any

from jinja2 import Environment

from qdot.errors import ResultsError
from qdot.manifests import find_manifest
from qdot.places import Places
from qdot.provenance import write_atomic
from qdot.reporting.purpose import PURPOSES
from qdot.reporting.sourced import read_table, records
from qdot.results import compare_dir


def write_index(places: Places, templates: Environment, title: str) -> Path:
    """Write the list anew, from the reports that lie there.

    Args:
        places: Where reports and tables lie.
        templates: The report's templates.
        title: The reports' title.
    """
    entries = [entry for path in sorted(places.reports.glob("*/manifest.json")) if (entry := _entry(path, places))]
    page = places.reports / "index.html"
    write_atomic(page, templates.get_template("index.html").render(title=title, entries=entries))
    return page


def _entry(path: Path, places: Places) -> dict[str, Any] | None:
    """What the list says of a report; None of a folder whose page or whose tables are gone."""
    manifest, name = find_manifest(path, "suite", "subset"), path.parent.name
    try:
        tables = compare_dir(name, places.root)
    except ResultsError:
        return None
    if manifest is None or manifest["status"] != "ok":
        return None
    if not (path.parent / "index.html").is_file() or not (tables / "facts.csv").is_file():
        return None
    facts = read_table(tables / "facts.csv", places.name(tables / "facts.csv"), ["quantity", "value"], ())
    chosen = " ".join(f"{key}={','.join(names)}" for key, names in manifest["subset"].items())
    found = {row.quantity: row.value for row in records(facts)}
    purpose = PURPOSES.get(manifest["suite"], "A suite of params.yaml.")
    return {"name": name, "suite": manifest["suite"], "chosen": chosen, "purpose": purpose, "facts": found}
