"""Rollouts that the report shows: where they lie, what their tables hold, and whether they are of today's policies."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qdot.manifests import find_manifest
from qdot.provenance import damaged_files

TABLE, PATHS, WALLS = "rollouts.csv", "paths.csv", "walls.csv"
COLUMNS = (
    *("dataset", "algorithm", "seed", "readout", "episode", "episode_return", "length", "success"),
    *("shown", "frames", "seconds", "animation", "still", "reason"),
)
PATH_COLUMNS = ("dataset", "algorithm", "seed", "episode", "step", "x", "y")
WALL_COLUMNS = ("x", "y", "half_x", "half_y")


def sources(recipe: Mapping[str, Any]) -> dict[str, str]:
    """SHA-256 of the policies that can be rolled out, by algorithm: those whose cell was evaluated."""
    found = {}
    for cell in recipe["cells"]:
        trained, evaluated = (find_manifest(Path(cell[stage]) / "manifest.json") for stage in ("train", "evaluate"))
        policy = ((trained or {}).get("files") or {}).get("policy.safetensors")
        if policy is not None and evaluated is not None and evaluated["status"] == "ok":
            found[cell["algorithm"]] = policy
    return found


def is_current(recipe: Mapping[str, Any]) -> bool:
    """Whether the rollouts there are what the recipe asks for, of the policies that lie there now."""
    folder = Path(recipe["folder"])
    found = find_manifest(folder / "manifest.json", "digest", "files", "inputs")
    if found is None or found.get("digest") != recipe["digest"] or found["status"] == "failed":
        return False
    return found.get("inputs") == sources(recipe) and not any(damaged_files(folder, found.get("files") or {}))
