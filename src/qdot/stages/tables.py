"""`qdot compare` and `qdot report`: tables and the page, from whatever cells there are."""

import logging
from pathlib import Path

from qdot import provenance
from qdot.recipes import table_inputs
from qdot.stages.locks import locked
from qdot.study import Study

log = logging.getLogger("qdot")


def compare(recipe_path: Path) -> None:
    """Write the tables of a study."""
    from qdot.evaluation.compare import compare as write_tables

    recipe = provenance.read_json(recipe_path)
    study = Study.from_recipe(recipe)
    with locked(recipe):
        provenance.clear_unfinished(study.compare_dir)
        inputs = table_inputs(study, "compare")
        write_tables(study)
        _finish(study.compare_dir, recipe, inputs)
    log.info("tables in %s", study.compare_dir)


def report(recipe_path: Path) -> None:
    """Write the report of a study."""
    from qdot.reporting.index import write_index
    from qdot.reporting.render import TEMPLATES, environment, render

    recipe = provenance.read_json(recipe_path)
    study = Study.from_recipe(recipe)
    with locked(recipe):
        provenance.clear_unfinished(study.report_dir)
        inputs = table_inputs(study, "report")
        page = render(study)
        _finish(study.report_dir, recipe, inputs)
    write_index(study.places, environment(study.root / TEMPLATES), study.params["report"]["title"])
    log.info("report: %s", page)


def _finish(directory: Path, recipe: dict, inputs: dict[str, str]) -> None:
    """Write the manifest of tables or report, with the digest of every file beside it."""
    names = sorted(path.name for path in directory.iterdir() if path.is_file() and path.name != "manifest.json")
    manifest = {
        "schema": 1,
        "stage": recipe["stage"],
        "suite": recipe["suite"],
        "subset": recipe["subset"],
        "status": "ok",
        "digest": recipe["digest"],
        "inputs": inputs,
        "files": provenance.hash_files(directory, [name for name in names if not name.startswith(".")]),
    }
    provenance.write_manifest(directory / "manifest.json", manifest)
