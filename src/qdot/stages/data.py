"""`qdot data`: fetch or collect one dataset, check it, write it as arrays."""

import contextlib
import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qdot import provenance
from qdot.data.published import compare
from qdot.errors import QdotError, failure
from qdot.manifests import find_manifest
from qdot.places import Places
from qdot.stages.leftovers import raw_shared
from qdot.stages.locks import locked
from qdot.stages.runtime import runtime

log = logging.getLogger("qdot")


def run(recipe_path: Path, manifest_path: Path) -> None:
    """Prepare the dataset of a recipe; a failure is written as a manifest with status `failed`."""
    recipe = provenance.read_json(recipe_path)
    with locked(recipe):
        _run(recipe, manifest_path)


def _run(recipe: Mapping[str, Any], manifest_path: Path) -> None:
    directory = manifest_path.parent
    provenance.clear_unfinished(directory)
    found = find_manifest(manifest_path, "digest", "files")
    if found is not None and found.get("digest") == recipe["digest"] and _intact(directory, found):
        os.utime(manifest_path)
        return
    if found is not None and found.get("core") == recipe["core"] and _intact(directory, found):
        described = {key: recipe["values"].get(key) for key in recipe["described"]}
        described |= compare(found, recipe["published"])
        provenance.write_manifest(manifest_path, {**found, **described, "digest": recipe["digest"]})
        log.info("only the description changed")
        return
    from qdot.data.prepare import prepare

    started, places = time.perf_counter(), Places.of(recipe["places"])
    manifest_path.unlink(missing_ok=True)
    log.info("preparing")
    try:
        with raw_shared(places.raw) if recipe["values"]["source"] == "collect" else contextlib.nullcontext():
            made = prepare(
                recipe["dataset"],
                recipe["values"],
                recipe["data_params"],
                directory,
                places.raw,
                recipe["core"],  # until the manifest is whole, below: a run that is killed before is not done
            )
        provenance.write_json(directory / "runtime.json", runtime(started))
        if made["source"] != "file":
            made["raw_file"] = places.name(Path(made["raw_file"]))
        made |= compare(made, recipe["published"])
        provenance.write_manifest(manifest_path, {**made, "core": recipe["core"], "digest": recipe["digest"]})
    except QdotError as error:
        log.error("%s", error)
        fail(recipe, manifest_path, error)


def fail(recipe: Mapping[str, Any], manifest_path: Path, error: Exception) -> None:
    """Write the manifest of a dataset that could not be prepared."""
    names = {"schema": 1, "dataset": recipe["dataset"], "status": "failed", "digest": recipe["digest"], "files": {}}
    reason = failure("data", str(error))
    provenance.write_manifest(manifest_path, names | {"reason": reason, **recipe["values"]})


def _intact(directory: Path, manifest: Mapping[str, Any]) -> bool:
    """Whether a manifest is of a finished dataset whose files are as it recorded them."""
    return manifest["status"] == "ok" and not any(provenance.damaged_files(directory, manifest["files"]))
