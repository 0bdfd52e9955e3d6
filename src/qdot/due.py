"""What is due: whether results are what their recipes ask for, and the recipe files that say so to Snakemake.

A recipe file is a job's one input that says "work": its text holds the wanted digest and the resolved values that the
command then uses. It is new (by its time stamp) exactly when a result beside it is missing, failed, damaged or made
from something else; otherwise it is older than every output. That holds in a clone, after `git checkout`, and under
`-n`, where neither Snakemake's records nor time stamps can be trusted.
"""

import json
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from qdot import dated, provenance, recipes, replays, rollouts, stamps
from qdot.envs.playable import obstacle
from qdot.manifests import find_manifest, find_record
from qdot.recipes import recipe_path, seed_digest
from qdot.study import Cell, Study

OLD = 86400  # a time stamp older than every output


def cell_is_current(study: Study, recipe: Mapping[str, Any], cell: Cell) -> bool:
    """Whether a cell's result is what its recipe asks for, its files included."""
    stage = recipe["stage"]
    manifest = stamps.manifest(study.cell_dir(stage, cell) / "manifest.json", "digest", "files", "inputs")
    if manifest is None or manifest.get("digest") != seed_digest(recipe["digest"], cell.seed):
        return False
    if stage == "train":
        before = stamps.manifest(study.data_dir(cell.dataset) / "manifest.json")
        source = (before or {}).get("files", {}).get("arrays.safetensors")
    else:
        before = stamps.manifest(study.cell_dir("train", cell) / "manifest.json", "digest", "files", "inputs")
        source = (before or {}).get("files", {}).get("policy.safetensors")
    if manifest["status"] == "not run":
        playable = not obstacle(recipe["params"]["data"])
        return before is None or before["status"] != "ok" or (stage == "evaluate" and not playable)
    if manifest["status"] != "ok":
        return False
    gone = source is None if stage == "train" else before is None  # a dataset that is gone takes no trained cell along
    changed = not gone and source != manifest["inputs"].get("source")
    return not changed and stamps.intact(study.cell_dir(stage, cell), manifest["files"])


def _finished(directory: Path, wanted: str) -> dict[str, Any] | None:
    """A folder's manifest where it is `ok`, carries the wanted digest, and its files are as it recorded them."""
    manifest = find_manifest(directory / "manifest.json", "digest", "files")
    if manifest is None or manifest.get("digest") != wanted or manifest["status"] != "ok":
        return None
    return manifest if stamps.intact(directory, manifest["files"]) else None


def data_is_current(study: Study, recipe: Mapping[str, Any]) -> bool:
    """Whether the prepared dataset is what its recipe asks for."""
    return _finished(study.data_dir(recipe["dataset"]), recipe["digest"]) is not None


def replay_is_current(study: Study, recipe: Mapping[str, Any]) -> bool:
    """Whether a replay is of the dataset that is prepared, or still cannot be made for the reason that it gives."""
    directory = study.data_dir(recipe["dataset"])
    found = find_manifest(directory / replays.FILE, *replays.NEEDED)
    manifest = find_manifest(directory / "manifest.json", "raw_file", "raw_sha256")
    if found is not None and found["status"] == "not run":
        return found.get("reason") == replays.obstacle(study.places, recipe["environment"], manifest)
    return replays.is_finished(found, recipe["digest"], manifest)


def transport_is_current(study: Study, recipe: Mapping[str, Any]) -> bool:
    """Whether the transport studies are what their recipe asks for."""
    return _finished(study.transport_dir, recipe["digest"]) is not None


def table_is_current(study: Study, recipe: Mapping[str, Any]) -> bool:
    """Whether tables or report are made from the manifests that lie there now."""
    directory = study.compare_dir if recipe["stage"] == "compare" else study.report_dir
    manifest = _finished(directory, recipe["digest"])
    return manifest is not None and manifest.get("inputs") == recipes.table_inputs(study, recipe["stage"])


def put(path: Path, recipe: Mapping[str, Any], current: bool, outputs: Iterable[Path] = ()) -> None:
    """Write a recipe: newer than its outputs where work is due; else older than they are.

    Outputs from the future, as they seem after a clock was set back, are dated now: Snakemake refuses what a job makes
    where an input is newer. In the order of the jobs, so that no input gets newer than what was made of it.
    """
    times = [dated.not_ahead(output) for output in outputs]
    if not current:
        now = time.time_ns()
        provenance.write_json(path, {**recipe, "due": now}, durable=False)
        os.utime(path, ns=(max(now, 10**9 + max(times, default=0)),) * 2)
        return
    found = find_record(path)
    if {k: v for k, v in found.items() if k != "due"} != json.loads(json.dumps(recipe)):
        provenance.write_json(path, recipe, durable=False)
    os.utime(path, (OLD, OLD))


def write_recipes(study: Study) -> None:
    """Write every recipe of a study."""
    for dataset in study.datasets:
        recipe = recipes.data_recipe(study, dataset)
        made = [study.data_dir(dataset) / "manifest.json"]
        put(recipe_path(study, "data", dataset), recipe, data_is_current(study, recipe), made)
    of_cells = list(recipes.cell_recipes(study))
    for recipe in of_cells:
        _put_cells(study, recipe)
    for dataset in study.replayed:
        recipe = recipes.replay_recipe(study, dataset)
        made = [study.data_dir(dataset) / replays.FILE]
        put(recipe_path(study, "replay", dataset), recipe, replay_is_current(study, recipe), made)
    for dataset in recipes.rollout_datasets(study):
        recipe = recipes.rollouts_recipe(study, dataset, of_cells)
        made = [Path(recipe["folder"]) / "manifest.json"]
        put(recipe_path(study, "rollouts", dataset), recipe, rollouts.is_current(recipe), made)
    recipe = recipes.transport_recipe(study)
    made = [study.transport_dir / "manifest.json"]
    put(recipe_path(study, "transport"), recipe, transport_is_current(study, recipe), made)
    for stage in ("compare", "report"):
        recipe = recipes.table_recipe(study, stage, of_cells)
        directory = study.compare_dir if stage == "compare" else study.report_dir
        put(recipe_path(study, stage), recipe, table_is_current(study, recipe), directory.glob("*"))
    stamps.save()


def _put_cells(study: Study, recipe: Mapping[str, Any]) -> None:
    """Write the recipe of all seeds of a dataset and an algorithm."""
    stage, dataset, algorithm = (recipe[key] for key in ("stage", "dataset", "algorithm"))
    cells = [Cell(dataset, algorithm, seed) for seed in study.seeds]
    current = all(_is_current_or_absent(study, recipe, cell) for cell in cells)
    made = [study.cell_dir(stage, cell) / "manifest.json" for cell in cells]
    put(recipe_path(study, stage, dataset, algorithm), recipe, current, made)


def _is_current_or_absent(study: Study, recipe: Mapping[str, Any], cell: Cell) -> bool:
    """An absent manifest makes its job run by itself; the recipe need not be new for it."""
    absent = not (study.cell_dir(recipe["stage"], cell) / "manifest.json").is_file()
    return absent or cell_is_current(study, recipe, cell)
