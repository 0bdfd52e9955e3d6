"""Sweeps of a suite: which of its algorithms are variants made by a grid, what each varies, and how it scored."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from qdot.frames import groups
from qdot.reporting.source import Source
from qdot.reporting.sourced import records
from qdot.reporting.tables import Measured, Row, lookup

COLUMNS = ["of", "algorithm", "readout", "key", "setting", "lines", "line", "unvaried", "value", "low", "high", "seeds"]
Values = Mapping[str, str]  # by dotted key of values.csv


class Family(NamedTuple):
    """An algorithm, its variants on one dataset, and the keys in which they differ.

    Attributes:
        of: What the variants are made from.
        variants: Their names.
        values: Of each variant, and of `of` where the study holds it: every resolved value.
        varied: Keys that a variant sets itself and in which the family differs, by variant.
    """

    of: str
    variants: list[str]
    values: dict[str, Values]
    varied: dict[str, list[str]]

    @property
    def keys(self) -> list[str]:
        """Every varied key, in the order of the grid."""
        return list(dict.fromkeys(key for keys in self.varied.values() for key in keys))

    def concerned(self, key: str) -> list[str]:
        """Variants in which a key is varied."""
        return [name for name in self.variants if key in self.varied[name]]

    @property
    def drawn(self) -> list[str]:
        """Keys that get an axis: of keys that are varied together, the one with the most settings."""

        def weight(key: str) -> tuple[int, int]:
            return len({self.values[name].get(key) for name in self.concerned(key)}), -self.keys.index(key)

        def behind(key: str, other: str) -> bool:
            return set(self.concerned(key)) <= set(self.concerned(other)) and weight(key) < weight(other)

        return [key for key in self.keys if not any(behind(key, other) for other in self.keys)]


def families(source: Source, dataset: str) -> Iterator[Family]:
    """The families of a dataset, from values.csv."""
    rows = source.values[source.values["dataset"] == dataset]
    tables = {name: own for (name,), own in groups(rows, "algorithm")}
    for of in dict.fromkeys(source.variants.values()):
        variants = [name for name, parent in source.variants.items() if parent == of and name in tables]
        members = [name for name in (of, *variants) if name in tables]
        values: dict[str, Values] = {name: {row.key: row.value for row in records(tables[name])} for name in members}
        own = {name: list(tables[name].loc[_is_own(tables[name], name), "key"]) for name in variants}
        varied = {
            name: [key for key in keys if len({values[member].get(key) for member in members}) > 1]
            for name, keys in own.items()
        }
        yield Family(of, variants, values, varied)


def _is_own(rows: pd.DataFrame, name: str) -> pd.Series:
    return rows["set_by"] == f"variant {name}"


def leaf(key: str) -> str:
    """A key as the page prints it: `algorithm_values.expectile` -> `expectile`; a stage's keeps its stage."""
    return key.removeprefix("algorithm_values.")


def points(source: Source, dataset: str) -> pd.DataFrame:
    """Scores of the primary readout by drawn key: a row per (algorithm, key).

    `lines` names the keys that were varied together with it, `line` has their values.
    """
    found, metric = _scores(source, dataset)
    rows = []
    for family in families(source, dataset):
        for key in family.drawn:
            concerned = family.concerned(key)
            others = list(dict.fromkeys(k for name in concerned for k in family.varied[name] if k != key))
            for name in [family.of] * (family.of in family.values) + concerned:
                readout = source.study.resolved(dataset, name)["primary_readout"]
                measured, values = found.get((dataset, name, readout)), family.values[name]
                if measured:
                    line = ", ".join(values.get(other, "") for other in others)
                    setting = (leaf(key), values.get(key, ""), ", ".join(map(leaf, others)), line, name == family.of)
                    rows.append((family.of, name, readout, *setting, *measured[:4]))
    return pd.DataFrame(rows, columns=COLUMNS).assign(metric=metric)


def _scores(source: Source, dataset: str) -> tuple[dict[tuple[str, str, str], Measured], str]:
    """Final scores of a dataset and their name; raw returns where no score is defined."""
    means = lookup(source.summary, "final", "mean")
    if any(key[0] == dataset for key in means):
        return means, "score"
    return lookup(source.summary, "final", "return"), "return"


def in_order(settings: Sequence[str]) -> tuple[list[str], bool]:
    """Distinct settings, and whether they are numbers: these are sorted, names keep their order."""
    distinct = list(dict.fromkeys(settings))
    try:
        return sorted(distinct, key=float), True
    except ValueError:
        return distinct, False


def sweep_table(source: Source) -> Row:
    """A row per (dataset, algorithm of a family), a column per readout."""
    rows, readouts = [], _readouts(source)
    for dataset in source.study.datasets:
        found, metric = _scores(source, dataset)
        for family in families(source, dataset):
            for name in [family.of] * (family.of in family.values) + family.variants:
                changed = [(leaf(key), family.values[name][key]) for key in family.varied.get(name, [])]
                plain = "" if changed else "unvaried" if name == family.of else name
                rows.append(
                    {
                        **{"dataset": dataset, "of": family.of, "metric": metric},
                        **{"changed": changed, "plain": plain},
                        "cells": [found.get((dataset, name, readout)) for readout in readouts],
                    }
                )
    return {"rows": rows, "readouts": readouts}


def _readouts(source: Source) -> list[str]:
    """Readouts that a family's algorithms have, in the order of scores.csv."""
    concerned = {*source.variants, *source.variants.values()}
    return list(dict.fromkeys(source.scores.loc[source.scores["algorithm"].isin(concerned), "readout"]))


def varied_keys(source: Source) -> list[Row]:
    """What the suite varies: (algorithm, key, its settings, the unvaried one), over all datasets."""
    found: dict[tuple[str, str], Row] = {}
    for dataset in source.study.datasets:
        for family in families(source, dataset):
            for key in family.keys:
                entry = found.setdefault(
                    (family.of, key), {"of": family.of, "key": leaf(key), "settings": [], "unvaried": []}
                )
                entry["settings"] += [family.values[name].get(key, "") for name in family.concerned(key)]
                if family.of in family.values:
                    entry["unvaried"].append(family.values[family.of].get(key, ""))
    for entry in found.values():
        entry["settings"] = in_order(entry["settings"])[0]
        entry["unvaried"] = in_order(entry["unvaried"])[0]
    return list(found.values())


def folded(rows: Sequence[Row], variants: Mapping[str, str]) -> Row:
    """Rows of methods, and apart those of a grid's variants."""
    return {
        "rows": [row for row in rows if row["algorithm"] not in variants],
        "variants": [row for row in rows if row["algorithm"] in variants],
    }
