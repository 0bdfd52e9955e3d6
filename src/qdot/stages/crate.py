"""`qdot crate`: a finished suite as an RO-Crate, for an archive that reads its metadata."""

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from qdot.errors import ResultsError
from qdot.frames import read_csv
from qdot.manifests import read_manifest
from qdot.provenance import find_json, new_folder, write_json
from qdot.recipes import RECIPES
from qdot.stages.finished import CELL, Finished

log = logging.getLogger("qdot")

METADATA = "ro-crate-metadata.json"
PROJECT = {  # files of the checkout that explain the rest
    "LICENSE": "Licence of the code and of these results",
    "CITATION.cff": "How to cite",
    "docs/data-dictionary.md": "Every file, and every column and key in it",
}
PARTS = {"compare": "Table or verdicts", "report": "The report", "transport": "Transport studies"}
SHOWN = 10  # missing results that the description names


def run(name: str, folder: Path, root: Path = Path()) -> None:
    """Write a finished suite as an RO-Crate.

    Args:
        name: The suite, or the name of a subset's folder in results/subsets.
        folder: The crate: a new folder, or an older crate of `qdot crate`, which is replaced.
        root: The project's top folder.

    Raises:
        ResultsError: the suite has no results, tables or report are not of today's cells, the folder holds something
            else, or the package `rocrate` is missing.
    """
    try:
        from qdot.reporting.crate import RUN, Contents, crate
    except ImportError as error:
        raise ResultsError(
            f"package {error.name}: is not installed; install the extra: pip install 'qdot[crate]'"
        ) from error
    found = Finished.read(name, root)
    _require_results(found)
    _require_checkout(root)
    _require_replaceable(folder, RUN)
    with tempfile.TemporaryDirectory() as scratch, new_folder(folder) as made:
        inputs = _inputs(found, root, Path(scratch))
        contents = Contents(
            name=name,
            description=_description(found, bool(inputs)),
            inputs=inputs,
            results=dict(_results(found)),
            documents={Path(name).name: (root / name, text) for name, text in PROJECT.items()},
            datasets=read_csv(found.tables / "datasets.csv", ["dataset", "status"], text=("dataset", "status")),
            provenance=read_csv(found.tables / "provenance.csv", [*CELL, "field", "value"], text=("field", "value")),
            citation=yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8")),
        )
        crate(contents).write(made)
    log.info("written to %s", folder)


def _require_results(found: Finished) -> None:
    cells = read_csv(found.tables / "cells.csv", ["status"], text=("status",))
    if not (cells["status"] == "ok").any():
        raise ResultsError(
            f"{found.tables}: none of {len(cells)} results is ok ({found.missing[0]}); "
            f"run `snakemake {found.name} --cores all` first"
        )


def _require_checkout(root: Path) -> None:
    for name in PROJECT:
        if not (root / name).is_file():
            raise ResultsError(f"{root / name}: no such file; run `qdot crate` in a checkout")


def _require_replaceable(folder: Path, run_entity: str) -> None:
    """Refuse a folder with files that no crate of ours lists."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ResultsError(f"{folder}: is a file; expected a folder")
    metadata = find_json(folder / METADATA)
    graph = metadata.get("@graph", []) if isinstance(metadata, dict) else []
    listed = {entity.get("@id") for entity in graph if isinstance(entity, dict)}
    paths = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()]
    others = sorted(path for path in paths if quote(path) not in listed)
    if others or (paths and run_entity not in listed):
        found = others[0] if others else "another crate"
        raise ResultsError(f"{folder}: holds {found}; expected a new folder, or one that `qdot crate` wrote")


def _inputs(found: Finished, root: Path, scratch: Path) -> dict[str, tuple[Path, str]]:
    """params.yaml and the recipes of tables and report, where today's are still those that the tables were made by."""
    folder, made = root / RECIPES / found.name, {"compare": found.compared, "report": found.reported}
    recipes = {stage: find_json(folder / f"{stage}.json") or {} for stage in made}
    if any(recipes[stage].get("digest") != manifest["digest"] for stage, manifest in made.items()):
        return {}
    files = {"params.yaml": (root / "params.yaml", "Every value of the study, with its source")}
    for stage, recipe in recipes.items():
        params = {key: value for key, value in recipe["params"].items() if key != "places"}  # folders of one machine
        write_json(scratch / f"{stage}.json", {**recipe, "params": params})
        files[f"recipes/{stage}.json"] = (scratch / f"{stage}.json", f"What {stage} was made by: values, digests")
    return files


def _results(found: Finished) -> Iterator[tuple[str, tuple[Path, str]]]:
    """Tables, page and transport studies."""
    folders: list[tuple[str, Path, Any]] = [
        ("compare", found.tables, found.compared),
        ("report", found.page, found.reported),
    ]
    if found.transport is not None:
        folders.append(("transport", found.transport.parent, read_manifest(found.transport, "files")))
    for part, directory, manifest in folders:
        for name in [*sorted(manifest["files"]), "manifest.json"]:
            text = "What its folder was made from, and sums" if name == "manifest.json" else PARTS[part]
            yield f"{part}/{name}", (directory / name, text)


def _description(found: Finished, has_inputs: bool) -> str:
    """What the crate holds, and what it lacks."""
    subset, gaps = found.compared["subset"], found.missing
    text = [
        "Tables, verdicts and report of an independent reproduction of Q-DOT (arXiv 2507.10843); not by its authors."
    ]
    if subset:
        chosen = "; ".join(f"{key} {', '.join(names)}" for key, names in subset.items())
        text.append(f"A subset of suite {found.compared['suite']}: {chosen}.")
    if gaps:
        named = "; ".join(gaps[:SHOWN]) + ("; ..." if len(gaps) > SHOWN else "")
        text.append(f"Partial: {len(gaps)} results are missing: {named}.")
    if not has_inputs:
        text.append(
            "params.yaml or the code has changed since, and is not included; compare/values.csv has the values."
        )
    return " ".join(text)
