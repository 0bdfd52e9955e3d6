"""Variants: an algorithm under another name with other values, written out in params.yaml or made by a suite's grid.

    algorithms:
      no_icnn_c: {variant_of: no_icnn, rung: potential}
    suites:
      sensitivity:
        grid:
          - {of: qdot, transport_weight: [0.5, 2.0]}     # qdot-transport_weight-0.5, qdot-transport_weight-2.0

A variant is an algorithm of its own in cells, tables and reports; only its own values win over those of suite, dataset
and domain. Several keys in one entry of a grid give every combination; keys of a stage are written `train.hidden`. A
key with one value is common to all of them and not in their names.
"""

import copy
import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

from qdot.errors import ParamsError

OF = "variant_of"
SWEPT = "swept_from"  # of what a grid made: the algorithm that it varies; never written by hand
MOST = 1000  # variants of one entry of a grid
Params = Mapping[str, Any]


def method(params: Params, algorithm: str) -> str:
    """The algorithm that runs: itself, or what it is a variant of."""
    return str(params["algorithms"][algorithm].get(OF, algorithm))


def changes(params: Params, algorithm: str) -> dict[str, Any]:
    """A variant's own values as a level of precedence; nothing for an algorithm that is none."""
    own = params["algorithms"][algorithm]
    if OF not in own:
        return {}
    stages = {key: own[key] for key in ("train", "evaluate") if key in own}
    return {**stages, "algorithm": {key: value for key, value in own.items() if key not in (OF, SWEPT, *stages)}}


def swept_from(params: Params, algorithm: str) -> str | None:
    """The algorithm that a grid varied to make this one; None for what no grid made."""
    found = params["algorithms"][algorithm].get(SWEPT)
    return None if found is None else str(found)


def declared(params: Params, algorithm: str) -> dict[str, Any]:
    """Every value of an algorithm's section; a variant's over those of its method."""
    base = params["algorithms"][method(params, algorithm)]
    return {**base, **{key: value for key, value in params["algorithms"][algorithm].items() if key not in (OF, SWEPT)}}


def check(params: Params) -> None:
    """Check that each variant is one of an algorithm, and changes only what that has.

    Raises:
        ParamsError: names the variant, what was found and what was expected.
    """
    algorithms = params["algorithms"]
    for name, own in algorithms.items():
        if OF not in own:
            continue
        base = algorithms.get(own[OF])
        if base is None or OF in base:
            known = ", ".join(key for key, value in algorithms.items() if OF not in value)
            raise ParamsError(f"params: algorithms.{name}.{OF}: found {own[OF]!r}; expected one of: {known}")
        for key in own:
            if key not in (OF, SWEPT, "train", "evaluate", "readouts") and key not in base:
                raise ParamsError(
                    f"params: algorithms.{name}: unknown key {key!r}; {own[OF]} has: {', '.join(base) or 'none'}"
                )


def expand(params: Params) -> dict[str, Any]:
    """`params` with every suite's grid written out as algorithms of that suite.

    Raises:
        ParamsError: a grid is of an unknown algorithm, too large, or makes a name that stands for other values.
    """
    made = copy.deepcopy(dict(params))
    for name, suite in made["suites"].items():
        for entry in suite.pop("grid", []):
            if entry["of"] not in made["algorithms"]:
                known = ", ".join(made["algorithms"])
                raise ParamsError(
                    f"params: suites.{name}.grid: unknown algorithm {entry['of']!r}; expected one of: {known}"
                )
            count = math.prod(len(entry[key]) for key in entry if key != "of")
            if count > MOST:
                raise ParamsError(f"params: suites.{name}.grid: {count:,} combinations; expected at most {MOST:,}")
            for variant, values in _combinations(entry, method(made, entry["of"]), changes(made, entry["of"])):
                if made["algorithms"].setdefault(variant, values) != values:
                    raise ParamsError(
                        f"params: suites.{name}.grid: makes {variant!r}, which stands for other values elsewhere "
                        f"({made['algorithms'][variant]}); expected a name of its own: give other keys or values"
                    )
                if variant not in suite["algorithms"]:
                    suite["algorithms"].append(variant)
    return made


def _combinations(
    entry: Mapping[str, Any], base: str, inherited: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, values) of each combination of a grid's entry."""
    keys = [key for key in entry if key != "of"]
    varied = [key for key in keys if len(entry[key]) > 1] or keys
    for chosen in itertools.product(*(entry[key] for key in keys)):
        values: dict[str, Any] = {OF: base, SWEPT: entry["of"], **inherited.get("algorithm", {})}
        values |= {stage: dict(inherited[stage]) for stage in ("train", "evaluate") if stage in inherited}
        for key, value in zip(keys, chosen, strict=True):
            stage, found, leaf = key.partition(".")
            if found:
                values.setdefault(stage, {})[leaf] = value
            else:
                values[key] = value
        named = [_text(key, value) for key, value in zip(keys, chosen, strict=True) if key in varied]
        yield "-".join([entry["of"], *named]), values


def _text(key: str, value: Any) -> str:
    """`transport_weight-0.5`, `hidden-64x64`."""
    shown = "x".join(map(str, value)) if isinstance(value, list) else str(value).lower()
    return f"{key.rpartition('.')[2]}-{shown}"
