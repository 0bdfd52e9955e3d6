"""What a user asks by hand: `qdot params show`, `places`, `card`, `replay`, `accept`, `prune`."""

import json
import logging
import os
import shutil
from pathlib import Path

from qdot import params as parameters
from qdot import provenance
from qdot.errors import ParamsError
from qdot.manifests import find_manifest
from qdot.params import resolve
from qdot.params_check import unknown
from qdot.places import DEFAULTS, Places, source_of
from qdot.recipes import evaluate_recipe, seed_digest, train_recipe
from qdot.stages.runtime import git_state
from qdot.study import Cell, Study

log = logging.getLogger("qdot")


def _split(cell: str) -> tuple[str, str, str]:
    """`SUITE/DATASET/ALGORITHM`; a dataset's own name may hold slashes."""
    suite, _, rest = cell.partition("/")
    dataset, _, algorithm = rest.rpartition("/")
    if not (suite and dataset and algorithm):
        raise ParamsError(f"cell {cell!r}: expected SUITE/DATASET/ALGORITHM, for example quick/pendulum/qdot")
    return suite, dataset, algorithm


def find_cell(cell: str) -> tuple[Study, Cell]:
    """The suite and the cell that `SUITE/DATASET/ALGORITHM/SEED` names.

    Raises:
        ParamsError: no such cell.
    """
    wanted = "expected SUITE/DATASET/ALGORITHM/SEED, for example quick/pendulum/qdot/0"
    rest, _, seed = cell.rpartition("/")
    if rest.count("/") < 2:
        raise ParamsError(f"cell {cell!r}: {wanted}")
    suite, dataset, algorithm = _split(rest)
    study = Study.from_config(parameters.load(), suite)
    chosen = Cell(dataset, algorithm, int(seed) if seed.isdecimal() else -1)
    if chosen not in set(study.cells()):
        raise ParamsError(f"cell {cell!r}: found in no suite; {wanted}")
    return study, chosen


def show_params(cell: str) -> str:
    """The resolved values of a cell, one per line with the level that set it."""
    suite, dataset, algorithm = _split(cell)
    resolved = resolve(Study.from_config(parameters.load(), suite).params, suite, dataset, algorithm)
    lines = []
    for section in ("data", *parameters.CELL_STAGES, "algorithm_values"):
        for key, value in resolved.values[section].items():
            lines.append(f"{section}.{key:<24} {value!s:<40} {resolved.sources.get(f'{section}.{key}', '')}")
    for key in ("domain", "readouts", "primary_readout"):
        lines.append(f"{key:<30} {resolved.values[key]}")
    return "\n".join(lines)


def show_card(cell: str) -> str:
    """The card of a trained policy, Markdown.

    Args:
        cell: `SUITE/DATASET/ALGORITHM/SEED`.

    Raises:
        ParamsError: no such cell.
        ResultsError: it is not trained, or its files are damaged.
    """
    from qdot.reporting.card import card
    from qdot.training.checkpoint import Policy

    study, chosen = find_cell(cell)
    policy = Policy.load(study.cell_dir("train", chosen) / "policy.safetensors")
    return card(study, chosen, policy.description)


def show_places(place: str | None) -> str:
    """The folder of each place with what sets it, or the folder of one place.

    Raises:
        ParamsError: no such place, or one that is wrong.
    """
    places = Places.load()
    if place is None:
        return "\n".join(f"{name:<10} {getattr(places, name)!s:<40} {source_of(name)}" for name in DEFAULTS)
    if place not in DEFAULTS:
        raise ParamsError(unknown("places", "place", place, DEFAULTS))
    return str(getattr(places, place))


def replay(environment: str, transitions: Path, rows: int | None) -> str:
    """The replay of a recording in an environment, as JSON.

    Raises:
        DataError: no such environment here, or the recording cannot be read or does not fit.
    """
    from qdot.envs import recordings

    found = recordings.replay(environment, transitions, rows)
    return json.dumps({"environment": environment, "transitions": str(transitions), **found}, indent=1)


def accept(cell: str, reason: str) -> None:
    """Stamp a cell's results with today's digests, where only code or package versions changed.

    Raises:
        ParamsError: the cell has no result, or its values changed too.
    """
    suite, dataset, algorithm = _split(cell)
    study = Study.from_config(parameters.load(), suite)
    for recipe in (train_recipe(study, dataset, algorithm), evaluate_recipe(study, dataset, algorithm)):
        for seed in study.seeds:
            path = study.cell_dir(recipe["stage"], Cell(dataset, algorithm, seed)) / "manifest.json"
            manifest = find_manifest(path, "params", "digest")
            if manifest is None or manifest["status"] != "ok":
                raise ParamsError(f"{path}: no finished result to accept")
            if manifest["params"] != recipe["params"]:
                raise ParamsError(f"{path}: its values differ from params.yaml's; a value change needs a new run")
            wanted = seed_digest(recipe["digest"], seed)
            if manifest["digest"] == wanted:
                continue
            entry = {"from": manifest["digest"], "reason": reason, "commit": git_state()["git_commit"]}
            accepted = [*manifest.get("accepted", []), entry]
            changed = {"digest": wanted, "accepted": accepted, "code": recipe["code"], "versions": recipe["packages"]}
            stamp = path.stat().st_mtime_ns
            provenance.write_manifest(path, {**manifest, **changed})
            os.utime(path, ns=(stamp, stamp))  # no reason for later stages to run
            log.info("accepted %s", path)


def prune(suite: str, delete: bool) -> None:
    """List or delete the cell folders that a suite no longer names."""
    study = Study.from_config(parameters.load(), suite)
    wanted = {study.cell_dir(stage, cell) for stage in parameters.CELL_STAGES for cell in study.cells()}
    found = {path for stage in parameters.CELL_STAGES for path in study.stage_dir(stage).glob("*/*/seed*")}
    for path in sorted(found - wanted):
        log.info("%s %s", "deleting" if delete else "would delete", path)
        if delete:
            shutil.rmtree(path)
            for parent in (path.parent, path.parent.parent):
                if not any(Path(parent).iterdir()):
                    parent.rmdir()
    if found - wanted and not delete:
        log.info("add --yes to delete")
