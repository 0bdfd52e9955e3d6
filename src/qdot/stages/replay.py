"""`qdot replay_dataset`: a prepared dataset's raw file, replayed step by step in its environment."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qdot import provenance, replays
from qdot.data.files import content_sha256
from qdot.errors import DataError, QdotError, failure
from qdot.manifests import find_manifest
from qdot.places import Places
from qdot.stages.locks import locked

log = logging.getLogger("qdot")

SCHEMA = 1


def run(recipe_path: Path, result_path: Path) -> None:
    """Replay the dataset of a recipe; what cannot be replayed says why in the result."""
    recipe = provenance.read_json(recipe_path)
    with locked(recipe):
        manifest = find_manifest(result_path.parent / "manifest.json", "raw_file", "raw_sha256")
        if replays.is_finished(find_manifest(result_path, *replays.NEEDED), recipe["digest"], manifest):
            os.utime(result_path)
            return
        result_path.unlink(missing_ok=True)
        provenance.write_manifest(result_path, _result(recipe, manifest))


def _result(recipe: Mapping[str, Any], manifest: Mapping[str, Any] | None) -> dict[str, Any]:
    """The result: `ok` with its numbers, `not run` with the reason, or `failed`."""
    result = {key: recipe[key] for key in ("dataset", "environment", "rows", "versions", "digest")}
    result |= {"schema": SCHEMA, "stage": "replay", "raw_sha256": (manifest or {}).get("raw_sha256"), "replay": None}
    reason = replays.obstacle(Places.of(recipe["places"]), recipe["environment"], manifest)
    if reason is not None or manifest is None:
        log.warning("not replayed: %s", reason)
        return result | {"status": "not run", "reason": reason}
    try:
        found = _replay(recipe, manifest)
    except QdotError as error:
        log.error("%s", error)
        return result | {"status": "failed", "reason": failure("replay", str(error))}
    log.info("replayed: %s", ", ".join(f"{key} {value}" for key, value in found.items()))
    return result | {"status": "ok", "reason": None, "replay": found}


def _replay(recipe: Mapping[str, Any], manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Replay the raw file, if it still is the one that the dataset was prepared from."""
    from qdot.envs.recordings import replay

    path = replays.raw_file(Places.of(recipe["places"]), manifest)
    found = content_sha256(path)
    if found != manifest["raw_sha256"]:
        raise DataError(
            f"{path}: sha256 {found[:12]}; expected {manifest['raw_sha256'][:12]}, as when {recipe['dataset']} was "
            "prepared from it; delete its manifest of the prepared data to prepare it again"
        )
    return replay(recipe["environment"], path, recipe["rows"])
