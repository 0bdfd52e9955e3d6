"""`qdot data`: fetch or collect one dataset, check it, write it as arrays."""

import logging
import os
from pathlib import Path

from qdot import provenance
from qdot.errors import QdotError

log = logging.getLogger("qdot")


def run(recipe_path: Path, manifest_path: Path) -> None:
    """Prepare the dataset of a recipe; a failure is written as a manifest with status `failed`."""
    recipe = provenance.read_json(recipe_path)
    directory = manifest_path.parent
    found = provenance.find_json(manifest_path)
    if (
        found is not None
        and found["status"] == "ok"
        and found["digest"] == recipe["digest"]
        and not any(provenance.damaged_files(directory, found["files"]))
    ):
        os.utime(manifest_path)
        return
    from qdot.data.prepare import prepare

    manifest_path.unlink(missing_ok=True)
    log.info("preparing")
    try:
        prepare(
            recipe["dataset"],
            recipe["values"],
            recipe["data_params"],
            directory,
            Path("data/raw"),
            recipe["digest"],
        )
    except QdotError as error:
        log.error("%s", error)
        failed = {
            "schema": 1,
            "dataset": recipe["dataset"],
            "status": "failed",
            "digest": recipe["digest"],
            "files": {},
        }
        reason = {"stage": "data", "step": None, "term": None, "error": str(error), "log_tail": ""}
        provenance.write_json(manifest_path, failed | {"reason": reason, **recipe["values"]})
