"""A study: one suite's cells, where their files lie, and which of them a subset takes."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from qdot import params as parameters
from qdot import replays as replay
from qdot import variants
from qdot.algorithms import registry
from qdot.errors import ParamsError
from qdot.params_check import check, unknown
from qdot.places import Places, choose


def require_checkout(top: Path) -> None:
    """Refuse to run another checkout's code (an editable install makes a clone import the original).

    Raises:
        ParamsError: `qdot` was imported from outside `top`.
    """
    source = Path(__file__).resolve()
    if not source.is_relative_to(top.resolve()):
        raise ParamsError(f"qdot was imported from {source}, expected it under {top.resolve()}; set PYTHONPATH=src")


SUBSET_KEYS = {"dataset": "datasets", "algorithm": "algorithms", "seed": "seeds"}


class Cell(NamedTuple):
    """Dataset x algorithm x seed."""

    dataset: str
    algorithm: str
    seed: int


def slug(name: str) -> str:
    """A dataset's name as a folder name: `minari:D4RL/pen/human-v2` -> `minari--D4RL--pen--human-v2`."""
    return re.sub(r"[:/]", "--", name)


def _check_folders(datasets: Mapping[str, Any]) -> None:
    """Refuse two datasets that would share a folder."""
    folders: dict[str, str] = {}
    for name in datasets:
        if (other := folders.setdefault(slug(name), name)) != name:
            raise ParamsError(f"params: datasets: {other} and {name} share the folder {slug(name)}; rename one")


def selected(value: Any) -> tuple[str, ...] | None:
    """A command-line subset (`a,b`, a list, or one number) as names; None where nothing was chosen."""
    if value is None:
        return None
    parts = value if isinstance(value, list | tuple) else str(value).split(",")
    return tuple(str(part).strip() for part in parts if str(part).strip())


@dataclass(frozen=True)
class Study:
    """One suite, or a subset of it.

    Attributes:
        params: The whole of params.yaml (checked, grids expanded, places chosen), plus `set`: values from the command
            line.
        suite: The suite's name.
        subset: Chosen names by `dataset`, `algorithm`, `seed`; empty for the whole suite. An algorithm may be one that
            the suite does not list: it runs with the suite's values, and its cells lie among the suite's.
        root: The project's top folder.
        expected: Digest that each cell's manifest must carry, by stage and cell, where a recipe says so; a result made
            from other values or code is then no result.
        expected_transport: The same of the transport studies' manifest.
    """

    params: Mapping[str, Any]
    suite: str
    subset: Mapping[str, tuple[str, ...]]
    root: Path = Path()
    expected: Mapping[tuple[str, Cell], str] | None = None
    expected_transport: str | None = None

    @classmethod
    def from_config(cls, config: Mapping[str, Any], suite: str | None = None, root: Path = Path()) -> "Study":
        """The study that params.yaml and the command line name.

        Args:
            config: params.yaml's content, with the keys `dataset`, `algorithm`, `seed` (subsets) and `set` (values)
                that the command line may add.
            suite: Another suite than the active one.
            root: The project's top folder.

        Raises:
            ParamsError: a value breaks the schema, a place is wrong, or a subset names a dataset or seed that no suite
                has, or an algorithm that is not defined.
        """
        extra = (*SUBSET_KEYS, "set")
        params = {key: value for key, value in config.items() if key not in extra}
        check(params, root)
        params = variants.expand(params)
        check(params, root)
        _check_folders(params["datasets"])
        params = {**params, "places": choose(params["places"], root)}
        if config.get("set"):
            params = parameters.with_command_line(params, parameters.parse_set(config["set"]), root)
        subset = {key: names for key in SUBSET_KEYS if (names := selected(config.get(key)))}
        for key, names in subset.items():
            known = {str(value) for entry in params["suites"].values() for value in entry[SUBSET_KEYS[key]]}
            known |= set(params["algorithms"]) if key == "algorithm" else set()
            for name in names:
                if name not in known:
                    raise ParamsError(unknown(f"--config {key}", key, name, sorted(known)))
        suite = suite or params["suite"]
        if suite not in params["suites"]:
            raise ParamsError(unknown("suite", "suite", suite, params["suites"]))
        return cls(params, suite, subset, root)

    @classmethod
    def from_recipe(cls, recipe: Mapping[str, Any], root: Path = Path()) -> "Study":
        """The study that a compare or report recipe describes."""
        expected = {(stage, Cell(*cell)): digest for stage, *cell, digest in recipe["cells"]}
        subset = {key: tuple(names) for key, names in recipe["subset"].items()}
        return cls(recipe["params"], recipe["suite"], subset, root, expected, recipe["transport"])

    def _listed(self, key: str) -> list[Any]:
        """What the suite lists of a kind."""
        return list(self.params["suites"][self.suite][SUBSET_KEYS[key]])

    def _chosen(self, key: str) -> tuple[Any, ...]:
        names = self.subset.get(key)
        return tuple(value for value in self._listed(key) if names is None or str(value) in names)

    @property
    def missing(self) -> list[str]:
        """Chosen datasets and seeds that this suite does not have, as sentences."""
        return [
            f"{unknown(f'suite {self.suite}', key, name, self._listed(key))}; to run it, add it to "
            f"suites.{self.suite}.{SUBSET_KEYS[key]} in params.yaml"
            for key, names in self.subset.items()
            for name in names
            if key != "algorithm" and name not in map(str, self._listed(key))
        ]

    @cached_property
    def beyond(self) -> tuple[str, ...]:
        """Chosen algorithms that the suite does not list, in the command line's order."""
        listed = self._listed("algorithm")
        return tuple(name for name in dict.fromkeys(self.subset.get("algorithm", ())) if name not in listed)

    @cached_property
    def datasets(self) -> tuple[str, ...]:
        """Datasets of the study, in the suite's order."""
        return self._chosen("dataset")

    @cached_property
    def algorithms(self) -> tuple[str, ...]:
        """Algorithms of the study, in the suite's order; then those beyond it."""
        return (*self._chosen("algorithm"), *self.beyond)

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of the study, in the suite's order."""
        return self._chosen("seed")

    @property
    def is_subset(self) -> bool:
        """Whether the command line chose other cells than the suite's."""
        return bool(self.beyond) or any(len(self._chosen(key)) < len(self._listed(key)) for key in SUBSET_KEYS)

    @property
    def name(self) -> str:
        """The suite's name, for a subset with what was chosen: `quick-pendulum_qdot_0-1`."""
        if not self.is_subset:
            return self.suite
        text = "_".join("-".join(self.subset[key]) for key in SUBSET_KEYS if key in self.subset)
        text = re.sub(r"[^A-Za-z0-9_.-]+", "-", text)
        if len(text) > 60:
            text = text[:50] + "-" + hashlib.sha256(text.encode()).hexdigest()[:8]
        return f"{self.suite}-{text}"

    def cells(self) -> Iterator[Cell]:
        """Every cell of the study."""
        for dataset in self.datasets:
            for algorithm in self.algorithms:
                for seed in self.seeds:
                    yield Cell(dataset, algorithm, seed)

    def or_whole_suite(self) -> "Study":
        """This study, or the whole suite where a chosen name belongs to another one (`require_chosen` refuses that)."""
        return Study(self.params, self.suite, {}, self.root) if self.missing else self

    def require_chosen(self) -> None:
        """Refuse a subset that names what this suite does not have.

        Raises:
            ParamsError: names each such dataset, algorithm or seed.
        """
        if self.missing:
            raise ParamsError("\n".join(self.missing))

    def method(self, algorithm: str) -> str:
        """What runs under an algorithm's name: itself, or what it is a variant of."""
        return variants.method(self.params, algorithm)

    def swept_from(self, algorithm: str) -> str | None:
        """The algorithm that a grid varied to make this one; None for what no grid made."""
        return variants.swept_from(self.params, algorithm)

    def is_built(self, algorithm: str) -> bool:
        """Whether an algorithm can run: built in, or registered from outside."""
        return self.method(algorithm) in registry.names()

    def resolved(self, dataset: str, algorithm: str) -> dict[str, Any]:
        """The resolved values of a cell (all seeds share them)."""
        return parameters.resolve(self.params, self.suite, dataset, algorithm).values

    @cached_property
    def threads(self) -> int:
        """Torch threads that a training process may use."""
        pairs = [(dataset, algorithm) for dataset in self.datasets for algorithm in self.algorithms]
        return max((int(self.resolved(*pair)["train"]["threads"]) for pair in pairs), default=1)

    @cached_property
    def places(self) -> Places:
        """Where the study's files lie."""
        return Places.of(self.params["places"], self.root)

    def data_dir(self, dataset: str) -> Path:
        """Folder of the prepared dataset."""
        return self.places.prepared / slug(dataset)

    def stage_dir(self, stage: str) -> Path:
        """Folder of one stage's results; a subset's tables lie beside the suite's, outside DVC's outs."""
        if self.is_subset and stage not in (*parameters.CELL_STAGES, "transport"):
            return self.places.results / "subsets" / self.name / stage
        return self.places.results / self.suite / stage

    def cell_dir(self, stage: str, cell: Cell) -> Path:
        """Folder of one cell in one stage."""
        return self.stage_dir(stage) / slug(cell.dataset) / cell.algorithm / f"seed{cell.seed}"

    def train_dir(self, dataset: str, algorithm: str, seed: int) -> Path:
        """Folder of a trained cell."""
        return self.cell_dir("train", Cell(dataset, algorithm, seed))

    def evaluate_dir(self, dataset: str, algorithm: str, seed: int) -> Path:
        """Folder of an evaluated cell."""
        return self.cell_dir("evaluate", Cell(dataset, algorithm, seed))

    def manifests(self, stage: str, dataset: str, algorithm: str) -> list[str]:
        """A manifest per seed; `dataset` and `algorithm` may be Snakemake wildcards."""
        return [str(self.cell_dir(stage, Cell(dataset, algorithm, seed)) / "manifest.json") for seed in self.seeds]

    def all_manifests(self, stage: str) -> list[str]:
        """A manifest per cell of every algorithm that is built."""
        return [
            path
            for dataset in self.datasets
            for algorithm in self.algorithms
            if self.is_built(algorithm)
            for path in self.manifests(stage, dataset, algorithm)
        ]

    def data_manifests(self) -> list[str]:
        """A manifest per dataset."""
        return [str(self.data_dir(dataset) / "manifest.json") for dataset in self.datasets]

    @cached_property
    def replayed(self) -> tuple[str, ...]:
        """Datasets that are replayed in their environment: those that have a bound for it."""
        found = {name: self.resolved(name, self.algorithms[0]) for name in self.datasets if self.algorithms}
        return tuple(
            name
            for name, values in found.items()
            if replay.bounds_of(self.root, values["domain"], values["data"].get("environment"))
        )

    def replays(self) -> list[str]:
        """The replay of each dataset that is replayed."""
        return [str(self.data_dir(dataset) / replay.FILE) for dataset in self.replayed]

    @property
    def transport(self) -> dict[str, Any]:
        """The values of the transport studies: section `transport`, with the suite's own over it."""
        return {**self.params["transport"], **self.params["suites"][self.suite].get("transport", {})}

    @property
    def transport_dir(self) -> Path:
        """Folder of the transport studies."""
        return self.stage_dir("transport")

    @property
    def compare_dir(self) -> Path:
        """Folder of the tables."""
        return self.stage_dir("compare")

    @property
    def report_dir(self) -> Path:
        """Folder of the report."""
        return self.places.reports / self.name
