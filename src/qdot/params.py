"""params.yaml: reading it, and resolving the values of one cell.

Precedence, lowest first: stage defaults, algorithm, domain, dataset, suite, variant, command line. What the command
line says of an algorithm reaches its variants too, below their own values.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qdot import strict_yaml, variants
from qdot.errors import ParamsError
from qdot.params_check import check, unknown

STAGES = ("data", "train", "evaluate", "transport", "compare", "report")
CELL_STAGES = ("train", "evaluate")  # the stages whose values a cell may override
OVERRIDES = (*CELL_STAGES, "algorithm", "algorithms")


@dataclass(frozen=True)
class Resolved:
    """The values of one (suite, dataset, algorithm), and where each came from.

    Attributes:
        values: Nested values; keys `suite, dataset, algorithm, method, domain, readouts, primary_readout, data, train,
            evaluate, algorithm_values`. `method` is what runs: the algorithm, or what it is a variant of.
        sources: Level that set a value, by dotted key (`train.steps` -> `suite quick`).
    """

    values: dict[str, Any]
    sources: dict[str, str]


def load(root: Path = Path()) -> dict[str, Any]:
    """Read and check `root/params.yaml`.

    Raises:
        ParamsError: the file is missing, is no YAML, or breaks the schema.
    """
    path = root / "params.yaml"
    try:
        params = strict_yaml.parse(path.read_bytes())
    except OSError as error:
        raise ParamsError(f"{path}: cannot be read ({error.strerror}); run from the project's top folder") from error
    except ValueError as error:
        raise ParamsError(f"{path}: is no valid YAML: {error}") from error
    check(params, root)
    return params


def parse_set(value: Any) -> dict[str, Any]:
    """Values from the command line: a mapping of dotted keys, or its YAML text (`{train.steps: 100}`).

    Raises:
        ParamsError: the text is no YAML mapping.
    """
    if isinstance(value, str):
        text = value if value.lstrip().startswith("{") else "{" + value.replace("=", ": ") + "}"
        try:
            value = strict_yaml.parse(text)
        except ValueError as error:
            raise ParamsError(
                f"--config set: {value!r} is no YAML mapping; expected e.g. {{train.steps: 100}}"
            ) from error
    if not isinstance(value, Mapping):
        raise ParamsError(f"--config set: found {value!r}, expected a mapping such as {{train.steps: 100}}")
    try:  # Snakemake hands nested values over as text
        return {str(key): strict_yaml.parse(entry) if isinstance(entry, str) else entry for key, entry in value.items()}
    except ValueError as error:
        raise ParamsError(f"--config set: {value!r}: a value is no YAML: {error}") from error


def with_command_line(params: Mapping[str, Any], values: Mapping[str, Any], root: Path = Path()) -> dict[str, Any]:
    """`params` with `set` = values from the command line, checked as if they stood in the file.

    Raises:
        ParamsError: a key that the file does not have, or a value that breaks the schema.
    """
    trial = copy.deepcopy(dict(params))
    for section, entries in _command_line(values).items():
        targets = entries.items() if section == "algorithms" else [(section, entries)]
        for name, changes in targets:
            holder = trial[section] if section == "algorithms" else trial
            known = holder.get(name, {})
            declared = variants.declared(trial, name) if section == "algorithms" and name in holder else known
            for key, value in changes.items():
                if key not in declared:
                    raise ParamsError(unknown(f"--config set: {section}", "key", f"{name}.{key}", declared))
                known[key] = value
    check(trial, root)
    return {**params, "set": dict(values)}


def resolve(params: Mapping[str, Any], suite: str, dataset: str, algorithm: str) -> Resolved:
    """The values of one cell, by precedence.

    Raises:
        ParamsError: a name is not defined, or an override names a key that no lower level has.
    """
    for kind, name in (("suites", suite), ("datasets", dataset), ("algorithms", algorithm)):
        if name not in params[kind]:
            raise ParamsError(unknown(kind, kind[:-1], name, params[kind]))
    block = params["datasets"][dataset]
    domain = params["domains"][block["domain"]]
    method = variants.method(params, algorithm)
    base, own = params["algorithms"][method], variants.changes(params, algorithm)
    values: dict[str, Any] = {stage: {} for stage in CELL_STAGES} | {"algorithm_values": {}, "data": {}}
    sources: dict[str, str] = {}

    def lay(section: str, entries: Mapping[str, Any], level: str) -> None:
        values[section].update(entries)
        sources.update({f"{section}.{key}": level for key in entries})

    for stage in CELL_STAGES:
        lay(stage, params[stage], "stage default")
    lay(
        "algorithm_values",
        {k: v for k, v in base.items() if k not in CELL_STAGES},
        f"algorithm {method}",
    )
    line = _command_line(params.get("set", {}))
    said = line.pop("algorithms", {})
    levels = [
        (f"algorithm {method}", {stage: base.get(stage, {}) for stage in CELL_STAGES}),
        (f"domain {block['domain']}", domain),
        (f"dataset {dataset}", block),
        (f"suite {suite}", params["suites"][suite]),
        ("command line", {"algorithm": said.get(method, {})}),
        (f"variant {algorithm}", own),
        ("command line", {**line, "algorithm": said.get(algorithm, {})}),
    ]
    for level, entries in levels:
        for section, changes in _overrides(entries, (method, algorithm), values["algorithm_values"]):
            lay(section, changes, level)
    lay("data", domain.get("data", {}), f"domain {block['domain']}")
    lay("data", {k: v for k, v in block.items() if k not in (*OVERRIDES, "domain")}, f"dataset {dataset}")
    readouts = list(values["algorithm_values"].pop("readouts", ["policy"]))
    sources.pop("algorithm_values.readouts", None)
    primary = domain.get("primary_readout", readouts[0])
    values |= {
        "suite": suite,
        "dataset": dataset,
        "algorithm": algorithm,
        "method": method,
        "domain": block["domain"],
        "readouts": readouts,
        "primary_readout": primary if primary in readouts else readouts[0],
    }
    return Resolved(values, sources)


def _overrides(
    entries: Mapping[str, Any], names: Sequence[str], declared: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The (section, changes) that one level makes to a cell of an algorithm, named after what it is a variant of."""
    for stage in CELL_STAGES:
        yield stage, dict(entries.get(stage, {}))
    yield "algorithm_values", {k: v for k, v in entries.get("algorithm", {}).items() if k in declared}
    own = entries.get("algorithms", {})
    for name in dict.fromkeys(names):
        yield "algorithm_values", dict(own.get(name, {})) if isinstance(own, Mapping) else {}


def _command_line(values: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted command-line keys as one level: `train.steps`, `algorithms.qdot.transport_weight`."""
    level: dict[str, Any] = {}
    for key, value in values.items():
        section, _, rest = key.partition(".")
        name, _, leaf = rest.partition(".")
        if section in CELL_STAGES and name and not leaf:
            level.setdefault(section, {})[name] = value
        elif section == "algorithms" and leaf:
            level.setdefault(section, {}).setdefault(name, {})[leaf] = value
        else:
            raise ParamsError(
                f"--config set: unknown key {key!r}; expected train.KEY, evaluate.KEY or algorithms.NAME.KEY"
            )
    return level
