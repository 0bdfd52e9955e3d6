"""`qdot status`: what of a suite is done, stale, failed or missing, and how far stopped training has come."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from qdot import due, recipes, rollouts
from qdot import params as parameters
from qdot.errors import ResultsError
from qdot.manifests import find_manifest
from qdot.provenance import first_line
from qdot.stages.cells import Job
from qdot.stages.preflight import time_of
from qdot.study import Cell, Study
from qdot.training import generations

DONE, STALE, FAILED, NOT_RUN, MISSING = STATES = ("done", "stale", "failed", "not run", "missing")
STAGES = ("data", "train", "evaluate", "rollouts", "transport", "compare", "report")


@dataclass(frozen=True)
class Part:
    """One result of a suite.

    Attributes:
        stage: Which stage makes it.
        name: Dataset, `dataset/algorithm/seed<k>`, or the suite's name.
        state: `done`: what today's values and code would make. `stale`: made from other ones, or damaged. `failed`,
            `not run`: so its manifest says. `missing`: there is none.
        folder: Where it lies, or would.
        reason: Why it failed, was not run, or how far it has come; None otherwise.
    """

    stage: str
    name: str
    state: str
    folder: Path
    reason: str | None = None


def run(suite: str | None, as_json: bool, with_time: bool, cores: int) -> str:
    """The state of a suite's results, as text or JSON; nothing is changed.

    Args:
        suite: Its name; None for the active one.
        as_json: Every result, instead of a table.
        with_time: Also estimate what is left, by a few measured steps.
        cores: Cores that the estimate counts on.

    Raises:
        ParamsError: there is no such suite.
    """
    study = Study.from_config(parameters.load(), suite)
    found = parts(study)
    if as_json:
        return json.dumps([asdict(part) for part in found], indent=1, default=str)
    lines = [_head(study), "", *_table(found), *_listed(found)]
    if with_time:
        lines += ["", f"left: {time_of(_left(study, found), cores)}"]
    return "\n".join(lines)


def parts(study: Study) -> list[Part]:
    """Every result of a study with its state."""
    found = []
    for dataset in study.datasets:
        recipe = recipes.data_recipe(study, dataset)
        manifest = study.data_dir(dataset) / "manifest.json"
        found.append(_part("data", dataset, manifest, partial(due.data_is_current, study, recipe)))
    for dataset, algorithm, recipe in _cell_recipes(study):
        for seed in study.seeds:
            found.append(_cell(study, recipe, Cell(dataset, algorithm, seed)))
    for dataset in recipes.rollout_datasets(study):
        recipe = recipes.rollouts_recipe(study, dataset)
        manifest = Path(recipe["folder"]) / "manifest.json"
        found.append(_part("rollouts", dataset, manifest, partial(rollouts.is_current, recipe)))
    recipe = recipes.transport_recipe(study)
    manifest = study.transport_dir / "manifest.json"
    found.append(_part("transport", study.name, manifest, partial(due.transport_is_current, study, recipe)))
    for stage, folder in (("compare", study.compare_dir), ("report", study.report_dir)):
        recipe = recipes.table_recipe(study, stage)
        is_current = partial(due.table_is_current, study, recipe)
        found.append(_part(stage, study.name, folder / "manifest.json", is_current))
    return found


def _cell_recipes(study: Study) -> list[tuple[str, str, dict[str, Any]]]:
    """Train and evaluate recipes, in the order of the stages."""
    return [
        (dataset, algorithm, make(study, dataset, algorithm))
        for make in (recipes.train_recipe, recipes.evaluate_recipe)
        for dataset in study.datasets
        for algorithm in recipes.runnable(study)
    ]


def _cell(study: Study, recipe: Mapping[str, Any], cell: Cell) -> Part:
    """A cell's state; one that was stopped while training says where."""
    name, folder = f"{cell.dataset}/{cell.algorithm}/seed{cell.seed}", study.cell_dir(recipe["stage"], cell)
    part = _part(recipe["stage"], name, folder / "manifest.json", partial(due.cell_is_current, study, recipe, cell))
    if part.state == MISSING and recipe["stage"] == "train":
        return replace(part, reason=_stopped(Job(recipe, {cell.seed: folder}), cell.seed))
    return part


def _stopped(job: Job, seed: int) -> str | None:
    """How far a stopped or running training has come, by what it last saved."""
    try:
        saved = generations.last(job.directories[seed], job.identity(seed))
    except ResultsError as error:
        return str(error)
    return None if saved is None else f"saved at step {saved.step:,} of {job.recipe['params']['train']['steps']:,}"


def _part(stage: str, name: str, path: Path, is_current: Callable[[], bool]) -> Part:
    manifest = find_manifest(path)
    if manifest is None:
        return Part(stage, name, MISSING, path.parent)
    text = first_line(manifest.get("reason"))
    if manifest["status"] == "failed":
        return Part(stage, name, FAILED, path.parent, text)
    if not is_current():
        return Part(stage, name, STALE, path.parent)
    if manifest["status"] == "not run":
        return Part(stage, name, NOT_RUN, path.parent, text)
    return Part(stage, name, DONE, path.parent)


def _head(study: Study) -> str:
    counts = ((study.datasets, "datasets"), (study.algorithms, "algorithms"), (study.seeds, "seeds"))
    return f"{study.name}: " + ", ".join(f"{len(names)} {what}" for names, what in counts)


def _table(found: list[Part]) -> list[str]:
    """A line per stage, a column per state."""
    counts = Counter((part.stage, part.state) for part in found)
    lines = ["".join([f"{'':10}", *(f"{state:>9}" for state in STATES)])]
    for stage in STAGES:
        lines.append("".join([f"{stage:10}", *(f"{counts[stage, state] or '-':>9}" for state in STATES)]))
    return lines


def _listed(found: list[Part]) -> list[str]:
    """What has a reason, one line per stage, state and reason; of stopped training the one that is least far."""
    grouped: dict[tuple[str, str, str], list[str]] = {}
    for part in found:
        if part.reason:
            grouped.setdefault((part.stage, part.state, part.reason), []).append(part.name)
    lines = [
        f"{state} {stage} {names[0]}" + (f" and {len(names) - 1} more" if names[1:] else "") + f": {reason}"
        for (stage, state, reason), names in grouped.items()
    ]
    return ["", *lines] if lines else []


def _left(study: Study, found: list[Part]) -> list[dict[str, Any]]:
    """Recipes of the cells that are to be made, each with the seeds that are."""
    todo = {(part.stage, part.name) for part in found if part.state in (STALE, FAILED, MISSING)}
    jobs = []
    for dataset, algorithm, recipe in _cell_recipes(study):
        seeds = [seed for seed in study.seeds if (recipe["stage"], f"{dataset}/{algorithm}/seed{seed}") in todo]
        jobs.append({**recipe, "seeds": seeds})
    return [job for job in jobs if job["seeds"]]
