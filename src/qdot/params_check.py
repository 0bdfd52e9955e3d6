"""The check of params.yaml: against its schema, and each name that a value refers to."""

import functools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema

from qdot import resources, strict_yaml, variants
from qdot.errors import ParamsError

NEEDED = {"d4rl": (), "minari": (), "file": ("path",), "collect": ("recipe", "recipe_seed", "recipe_steps")}


def schema(root: Path) -> Mapping[str, Any]:
    """The JSON Schema of params.yaml."""
    return resources.schema(root, "params")


def check(params: Any, root: Path = Path()) -> None:
    """Check values against the schema and the names that they refer to.

    Raises:
        ParamsError: names the key, what was found and what was expected.
    """
    try:
        strict_yaml.check_plain(params)
    except ValueError as error:
        raise ParamsError(f"params: {error}") from error
    errors = sorted(
        resources.Validator(schema(root)).iter_errors(params),
        key=lambda error: [str(part) for part in error.absolute_path],
    )
    if errors:
        raise ParamsError("\n".join(_explain(error) for error in errors[:10]))
    _check_suites(params)
    _check_datasets(params)
    variants.check(params)
    for name, own in params["algorithms"].items():
        if variants.OF in own:
            values = {key: value for key, value in own.items() if key not in (variants.OF, variants.SWEPT)}
            _check_values(own[variants.OF], values, f"algorithms.{name}: ", root)
    for kind in ("domains", "datasets", "suites"):
        for name, level in params[kind].items():
            _check_overrides(params, f"{kind}.{name}", level, root)


def _check_suites(params: Mapping[str, Any]) -> None:
    """Check that the suites name datasets and algorithms that are defined, and that the active one is a suite."""
    for name, suite in params["suites"].items():
        for kind in ("datasets", "algorithms"):
            for value in suite[kind]:
                if value not in params[kind]:
                    raise ParamsError(unknown(f"suites.{name}.{kind}", kind[:-1], value, params[kind]))
    if params["suite"] not in params["suites"]:
        raise ParamsError(unknown("suite", "suite", params["suite"], params["suites"]))


def _check_datasets(params: Mapping[str, Any]) -> None:
    """Check each dataset's domain, what its source needs, and the order of its reference scores."""
    for name, dataset in params["datasets"].items():
        if dataset["domain"] not in params["domains"]:
            raise ParamsError(unknown(f"datasets.{name}.domain", "domain", dataset["domain"], params["domains"]))
        values = {**params["domains"][dataset["domain"]].get("data", {}), **dataset}
        for key in NEEDED.get(values.get("source", ""), ("source",)):
            if key not in values:
                raise ParamsError(
                    f"params: datasets.{name}: {key} is missing; docs/datasets.md says what a source needs"
                )
        low, high = values.get("reference_scores") or (0, 1)
        if not low < high:
            raise ParamsError(f"params: datasets.{name}.reference_scores: [{low}, {high}]; expected the lower first")


def _check_overrides(params: Mapping[str, Any], where: str, level: Mapping[str, Any], root: Path) -> None:
    """Check one level's values for algorithms: each key declared by an algorithm, each value of its kind."""
    algorithms = {name: variants.declared(params, name) for name in params["algorithms"]}
    shared = level.get("algorithm", {})
    for key in shared:
        if not any(key in own for own in algorithms.values()):
            declared = sorted({name for own in algorithms.values() for name in own})
            raise ParamsError(unknown(f"{where}.algorithm", "key", key, declared))
    named = level.get("algorithms", {})
    named = named if isinstance(named, Mapping) else {}
    for name, values in named.items():
        if name not in algorithms:
            raise ParamsError(unknown(f"{where}.algorithms", "algorithm", name, algorithms))
        for key in values:
            if key not in algorithms[name]:
                raise ParamsError(unknown(f"{where}.algorithms.{name}", "key", key, algorithms[name]))
    for name, own in algorithms.items():
        changes = {key: value for key, value in shared.items() if key in own} | dict(named.get(name, {}))
        _check_values(variants.method(params, name), changes, f"{where} for {name}: ", root)


def _check_values(method: str, values: Mapping[str, Any], where: str, root: Path) -> None:
    """Check some values of an algorithm against its definition in the schema, where it has one."""
    definitions = schema(root)["$defs"]
    if values and method in definitions:
        for error in _validator(root, method).iter_errors(dict(values)):
            raise ParamsError(_explain(error, where))


@functools.cache
def _validator(root: Path, definition: str) -> jsonschema.protocols.Validator:
    """The validator of one definition of the schema."""
    return resources.Validator({"$ref": f"#/$defs/{definition}", "$defs": schema(root)["$defs"]})


def unknown(key: str, kind: str, found: Any, known: Any) -> str:
    """The message for a name that is not defined."""
    return f"params: {key}: unknown {kind} {found!r}; expected one of: {', '.join(map(str, known))}"


def _explain(error: jsonschema.ValidationError, where: str = "") -> str:
    """One schema error as a sentence that names the key."""
    key = ".".join(map(str, error.absolute_path)) or "top level"
    message, scheme = error.message, error.schema
    if error.validator == "type" and isinstance(error.instance, str):
        message = f"found the text {error.instance!r}, expected {error.validator_value}"
        if _is_number(error.instance):
            message += " (YAML reads numbers like 3e-4 or 1e6 as text: write 3.0e-4 or 1000000)"
    elif error.validator == "additionalProperties" and isinstance(scheme, Mapping):
        message += f"; known keys: {', '.join(scheme.get('properties', {}))}"
    return f"params: {where}{key}: {message}"


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
