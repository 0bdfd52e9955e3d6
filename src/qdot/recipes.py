"""Recipes: for each job, the digest of what should be there and the resolved values that its command then uses."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from qdot import external, provenance, replays, stamps
from qdot.algorithms import registry
from qdot.closure import code_digest, package_versions
from qdot.data.d4rl import find_file
from qdot.data.published import published_statistics
from qdot.data.recipe_names import RECIPES as COLLECTORS
from qdot.envs import registry as environments
from qdot.params import resolve
from qdot.provenance import digest
from qdot.study import Cell, Study, slug

RECIPES = Path(".snakemake/recipes")
DESCRIPTIVE = ("environment", "reference_scores", "reference_source", "licence", "draw_of")
COLLECT = "qdot.data.collect"
TRANSPORT = ("qdot.data.fetch", "qdot.data.download")  # how bytes travel; what arrived is known by checksum
MANIFESTS = tuple(f"qdot.stages.{name}" for name in ("cells", "locks", "pieces", "runtime"))  # bookkeeping of results
CLAIMS = Path("workflow/resources/claims.yaml")
PUBLISHED = Path("workflow/resources/published_scores.csv")


def recipe_path(study: Study, stage: str, dataset: str | None = None, algorithm: str | None = None) -> Path:
    """Where a recipe lies: by dataset for `data`, `replay`; by (dataset, algorithm) for cells; by study for tables.

    Those of `rollouts` lie by study and dataset: a subset has a first seed of its own.
    """
    if stage in ("data", "replay"):
        return RECIPES / stage / f"{slug(str(dataset))}.json"
    if stage == "rollouts":
        return RECIPES / study.name / stage / f"{slug(str(dataset))}.json"
    if dataset is None:
        return RECIPES / (study.suite if stage == "transport" else study.name) / f"{stage}.json"
    return RECIPES / study.suite / stage / slug(dataset) / f"{algorithm}.json"


def seed_digest(base: str, seed: int) -> str:
    """The digest of one seed's cell."""
    return digest(base, seed)


def _code(*entries: str, stop: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"code": code_digest(*entries, stop=stop), "packages": package_versions(*entries, stop=stop)}


def data_recipe(study: Study, dataset: str) -> dict[str, Any]:
    """What the prepared dataset should be made from; `core` leaves out what only describes it."""
    algorithm = next(iter(study.params["algorithms"]))
    values = resolve(study.params, study.suite, dataset, algorithm).values["data"]
    makes = {key: value for key, value in values.items() if key not in DESCRIPTIVE}
    collected = values.get("source") == "collect"
    used = {COLLECT, COLLECTORS.get(values["recipe"], COLLECT)} if collected else set()
    stop = tuple(sorted({COLLECT, *COLLECTORS.values(), *TRANSPORT} - used))
    content, size, published = None, None, []
    if values.get("source") == "d4rl":
        published = published_statistics(dataset, study.root)
        file = find_file(dataset, study.root)
        content, size = file.sha256, file.bytes
    elif values.get("source") == "file":
        content = stamps.content(study.root / values["path"])
    core = digest("data", dataset, makes, content, _code("qdot.data.prepare", stop=stop))
    described = {key: values.get(key) for key in DESCRIPTIVE}
    return {
        "stage": "data",
        "dataset": dataset,
        "values": values,
        "bytes": size,
        "data_params": study.params["data"],
        "places": study.params["places"],
        "core": core,
        "described": list(DESCRIPTIVE),
        "published": published,
        "digest": digest(core, described, *published),
    }


def replay_recipe(study: Study, dataset: str) -> dict[str, Any]:
    """What the replay of a dataset in its environment should be made from."""
    data = data_recipe(study, dataset)
    rows = study.params["data"]["replay_rows"]
    recipe = replays.replay_recipe(dataset, data["values"]["environment"], data["core"], rows)
    return {**recipe, "places": study.params["places"]}


def train_recipe(study: Study, dataset: str, algorithm: str, core: str | None = None) -> dict[str, Any]:
    """What a trained cell should be made from, but for its seed; `core`: the dataset's, where it is known."""
    values = study.resolved(dataset, algorithm)
    environment = values["data"].get("environment")
    module = environments.entry_module(environment) if environment else None
    entries = ["qdot.stages.train", registry.entry_module(values["method"]), *([module] if module else [])]
    code = _code(*entries, stop=MANIFESTS)
    reads = {
        "dataset": core or data_recipe(study, dataset)["core"],
        "algorithm": [algorithm, values["method"]],
        "train": values["train"],
        "algorithm_values": values["algorithm_values"],
        "readout": values["primary_readout"],
        "environment": environments.values_of(environment),
    }
    return _cell_recipe("train", study, values, {"digest": digest("train", reads, code), **code})


def evaluate_recipe(study: Study, dataset: str, algorithm: str) -> dict[str, Any]:
    """What an evaluated cell should be made from, but for its seed."""
    return _evaluate_recipe(study, train_recipe(study, dataset, algorithm))


def _evaluate_recipe(study: Study, train: Mapping[str, Any]) -> dict[str, Any]:
    values = train["params"]
    module = environments.entry_module(values["data"].get("environment") or "")
    code = _code("qdot.stages.evaluate", *([module] if module else []), stop=MANIFESTS)
    reads = {
        "trained": train["digest"],
        "evaluate": values["evaluate"],
        "readouts": values["readouts"],
        "reference_scores": values["data"].get("reference_scores"),
    }
    return _cell_recipe("evaluate", study, values, {"digest": digest("evaluate", reads, code), **code})


def cell_recipes(study: Study) -> Iterator[dict[str, Any]]:
    """The train and the evaluate recipe of each pair of a dataset and an algorithm that is built."""
    for dataset in study.datasets:
        core = data_recipe(study, dataset)["core"]
        for algorithm in runnable(study):
            train = train_recipe(study, dataset, algorithm, core)
            yield from (train, _evaluate_recipe(study, train))


def rollouts_recipe(study: Study, dataset: str, of_cells: Iterable[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """What the rollouts of a dataset's policies should be made from: of the first seed, and of no grid's variants.

    `of_cells`: the cells' recipes, where known.
    """
    known = {each["algorithm"]: each for each in of_cells if (each["stage"], each["dataset"]) == ("train", dataset)}
    makers = {name: known.get(name) or train_recipe(study, dataset, name) for name in rolled_out(study)}
    seed, cells = study.seeds[0], []
    for name, recipe in makers.items():
        values, cell = recipe["params"], Cell(dataset, name, study.seeds[0])
        folders = {stage: str(study.cell_dir(stage, cell)) for stage in ("train", "evaluate")}
        own = {"readout": values["primary_readout"], "steps": values["train"]["steps"]}
        own |= {"discount": values["train"]["discount"], "episodes": values["evaluate"]["episodes"]}
        cells.append({"algorithm": name, **own, **folders})
    values = next(iter(makers.values()))["params"]
    environment = values["data"].get("environment")
    entry = environments.ENVIRONMENTS.get(environment or "")
    place = values["evaluate"]["position"] or (list(entry.place) if entry and entry.place else None)
    module = environments.entry_module(environment or "")
    code = _code("qdot.stages.rollouts", *([module] if module else []), stop=MANIFESTS)
    trained = {name: seed_digest(recipe["digest"], seed) for name, recipe in makers.items()}
    used = [{key: cell[key] for key in ("algorithm", "readout", "episodes")} for cell in cells]
    reads = {"trained": trained, "cells": used, "environment": environments.values_of(environment), "place": place}
    names = {"stage": "rollouts", "suite": study.suite, "dataset": dataset, "seed": seed}
    where = {"folder": str(study.stage_dir("rollouts") / slug(dataset)), "places": study.params["places"]}
    made = {"digest": digest("rollouts", dataset, seed, reads, code), **code}
    return {**names, **where, "environment": environment, "place": place, "cells": cells, **made}


def rolled_out(study: Study) -> list[str]:
    """Algorithms whose policies are rolled out for the report: those that are built, without variants of a grid."""
    return [name for name in runnable(study) if study.swept_from(name) is None]


def rollout_datasets(study: Study) -> list[str]:
    """Datasets whose policies are rolled out: no further draws of a recipe, which share their task."""
    names = study.datasets if rolled_out(study) else ()
    return [name for name in names if study.params["datasets"][name].get("draw_of") not in study.datasets]


def rollouts_manifests(study: Study) -> list[str]:
    """A manifest per dataset whose policies are rolled out."""
    folder = study.stage_dir("rollouts")
    return [str(folder / slug(name) / "manifest.json") for name in rollout_datasets(study)]


def _cell_recipe(stage: str, study: Study, values: dict[str, Any], made: dict[str, Any]) -> dict[str, Any]:
    places = study.params["places"]
    data = Path(places["prepared"]) / slug(values["dataset"])
    names = {key: values[key] for key in ("suite", "dataset", "algorithm")}
    seeds = list(study.seeds)
    more = {"params": values, "data_dir": str(data), "places": places}
    return {"stage": stage, **names, "seeds": seeds, **more, **made}


def transport_recipe(study: Study) -> dict[str, Any]:
    """What the transport studies should be made from."""
    code = _code("qdot.stages.transport", stop=MANIFESTS)
    made = digest("transport", study.transport, code)
    names = {"stage": "transport", "suite": study.suite, "places": study.params["places"]}
    return {**names, "params": study.transport, "digest": made, **code}


def table_recipe(study: Study, stage: str, made: Iterable[Mapping[str, Any]] | None = None) -> dict[str, Any]:
    """What the tables (`compare`) or the report should be made from; `made`: the cells' recipes, where known."""
    cells = [
        [recipe["stage"], recipe["dataset"], recipe["algorithm"], seed, seed_digest(recipe["digest"], seed)]
        for recipe in made or cell_recipes(study)
        for seed in study.seeds
    ]
    pairs = [(dataset, algorithm) for dataset in study.datasets for algorithm in study.algorithms]
    levels = [resolve(study.params, study.suite, *pair).sources for pair in pairs]
    transport = transport_recipe(study)["digest"]
    reads: list[Any] = [cells, pairs, levels, transport, study.params["compare"]]
    reads += [[stamps.content(study.root / path) for path in (CLAIMS, replays.TABLE)], _code("qdot.evaluation.compare")]
    outside = external.of(study.root, study.datasets)
    reads += [outside] if outside else []  # those of other datasets, or none, are no reason to work again
    if stage == "report":
        templates = sorted((study.root / "reports" / "templates").rglob("*.*"))
        texts = [*templates, study.root / PUBLISHED, study.root / "docs" / "deviations.md"]
        reads += [study.params["report"], [stamps.content(path) for path in texts], _code("qdot.reporting.render")]
        reads += [data_recipe(study, dataset)["digest"] for dataset in study.datasets]
    return {
        "stage": stage,
        "suite": study.suite,
        "subset": {key: list(names) for key, names in study.subset.items()} if study.is_subset else {},
        "params": dict(study.params),
        "cells": cells,
        "transport": transport,
        "digest": digest(stage, reads),
    }


def table_manifests(study: Study, stage: str) -> list[Path]:
    """Every manifest that the tables or the report are made from, where it exists."""
    paths = [study.data_dir(dataset) / "manifest.json" for dataset in study.datasets]
    paths += map(Path, study.replays())
    paths.append(study.transport_dir / "manifest.json")
    for cell in study.cells():
        paths += [study.cell_dir(kind, cell) / "manifest.json" for kind in ("train", "evaluate")]
    if stage == "report":
        paths.append(study.compare_dir / "manifest.json")
        paths += map(Path, rollouts_manifests(study))
    return [path for path in paths if path.is_file()]


def table_inputs(study: Study, stage: str) -> dict[str, str]:
    """SHA-256 of every manifest that the tables or the report are made from, by its name."""
    return {study.places.name(path): provenance.sha256_file(path) for path in table_manifests(study, stage)}


def runnable(study: Study) -> Iterable[str]:
    """The study's algorithms that are built."""
    return [algorithm for algorithm in study.algorithms if study.is_built(algorithm)]
