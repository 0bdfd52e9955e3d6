"""The state of a study as tables: what ran, what failed, on which data, from what and on what."""

from collections.abc import Sequence
from typing import Any

from qdot.frames import groups
from qdot.reporting.source import Source
from qdot.reporting.sourced import Text, records
from qdot.reporting.tables import Measured, Row, in_study_order, known

SCALE = (
    "train.steps",
    "train.batch_size",
    "train.hidden",
    "train.learning_rate",
    "train.evaluate_every",
    "train.evaluate_episodes",
    "evaluate.episodes",
)
TRANSPORT = ("transport_cost", "displacement_q10", "displacement_q50", "displacement_q90", "clipped_share")
TIMES = ("seconds", "seed_steps_per_second", "peak_memory_mb", "device", "finished")


def status_matrix(source: Source) -> Row:
    """States of the cells: columns of methods and families of variants, a row per dataset."""
    found = list(records(source.states))
    shown = list(dict.fromkeys((row.algorithm, row.variants > 0) for row in found))
    by_place = {(row.dataset, row.algorithm, row.variants > 0): row for row in found}
    heads = [next(row for row in found if (row.algorithm, row.variants > 0) == column) for column in shown]
    rows = [
        {
            "dataset": row.dataset,
            "standing": row.standing,
            "states": [by_place.get((row.dataset, *column)) for column in shown],
        }
        for row in records(source.datasets)
    ]
    return {"columns": heads, "matrix": rows}


def scale(source: Source) -> list[Row]:
    """Values that set the size of the study, each with all that it takes here."""
    found = used_values(source, SCALE)
    seeds = list({row.seed: row.seed for row in records(source.cells)}.values())
    return [{"key": "seeds", "values": seeds}, *({"key": key, "values": values} for key, values in found.items())]


def failures(source: Source) -> Row:
    """What has no score: cells that failed, by cause, and cells that were not run, by reason."""
    rows = [row._asdict() | {"names": str(row.dataset).split()} for row in records(source.gaps)]
    return {
        "failed": [row for row in rows if row["status"] == "failed"],
        "absent": [row for row in rows if row["status"] != "failed"],
    }


def dataset_cards(source: Source) -> list[Row]:
    """Facts of each dataset, its warnings, and the environments that its cells were scored in."""
    rows = source.provenance[source.provenance["field"].str.startswith("environment.")]
    scored = {dataset: list(records(own)) for (dataset,), own in groups(rows, "dataset")}
    cards = []
    for facts in map(_known, records(source.datasets)):
        found = {(row.field, row.value): row.value for row in scored.get(facts["dataset"], [])}
        environment = [(field.removeprefix("environment."), value) for (field, _), value in found.items()]
        warnings = facts.get("warnings")
        lines = [Text(line, warnings.source) for line in warnings.splitlines()] if warnings else []
        cards.append(facts | {"scored_in": environment, "warnings": lines})
    return cards


def _known(row: Any) -> Row:
    """A row by column, what is missing as None."""
    return {key: value if known(value) else None for key, value in row._asdict().items()}


def published_rows(source: Source) -> list[Row] | None:
    """Published statistics of each dataset beside the file's own; None where the tables hold none."""
    if source.published_statistics is None:
        return None
    return [_known(row) for row in records(source.published_statistics)]


def replay_rows(source: Source) -> list[Row] | None:
    """Replay of each dataset in its environment; None where the tables hold none."""
    if source.replays is None:
        return None
    return [_known(row) for row in records(source.replays)]


def transport_state(source: Source) -> list[Row]:
    """Logged transport quantities at the last step, a row per (dataset, algorithm) that has them."""
    rows = source.trajectories[source.trajectories["quantity"].isin(TRANSPORT)]
    table: list[Row] = []
    for (dataset, algorithm), group in groups(rows, "dataset", "algorithm"):
        step = int(group["step"].max())
        last = {row.quantity: row for row in records(group[group["step"] == step])}
        found = [last.get(name) for name in TRANSPORT]
        cells = [row and Measured(row.value, row.low, row.high, row.seeds, 0) for row in found]
        table.append({"dataset": dataset, "algorithm": algorithm, "step": step, "cells": cells})
    return in_study_order(source, table)


def other_cost(source: Source) -> str:
    """What maps of `cost: distance` pay, which is not what the curves show: a sentence; empty where there is none."""
    rows = source.values[(source.values["key"] == "algorithm_values.cost") & (source.values["value"] == "distance")]
    if rows.empty:
        return ""
    names = ", ".join(dict.fromkeys(rows["algorithm"]))
    return (
        f" With cost: distance ({names}) the map pays E‖T(s, a) − a‖ instead, beyond one dimension only an upper bound "
        "of the Wasserstein-1 distance; the cost shown is that map's squared one all the same."
    )


def provenance_tables(source: Source) -> Row:
    """Versions, environments, machines, commits, acceptances, times and digests of the study."""
    made = list(records(source.made_with))
    return {
        "versions": [row for row in made if row.field.startswith("versions.")],
        "machines": [row for row in made if row.field.startswith("runtime.")],
        "accepted": [row for row in made if row.field.startswith("accepted")],
        "costs": list(records(source.totals)),
        "times": training_times(source),
        "digests": digests(source),
    }


def training_times(source: Source) -> list[Row]:
    """Per (dataset, algorithm): seconds of its batch, rate, memory, device; the first seed's record stands for all."""
    rows = source.provenance[
        (source.provenance["stage"] == "train") & source.provenance["field"].str.startswith("runtime.")
    ]
    table = []
    for (dataset, algorithm), group in groups(rows, "dataset", "algorithm"):
        own = records(group[group["seed"] == group["seed"].min()])
        first = {row.field.removeprefix("runtime."): row.value for row in own}
        table.append({"dataset": dataset, "algorithm": algorithm} | {key: first.get(key) for key in TIMES})
    return table


def digests(source: Source) -> list[Row]:
    """Digest of every cell that ran, by stage."""
    rows = source.cells[source.cells["status"] != "not run"]
    return [row._asdict() for row in records(rows)]


def used_values(source: Source, keys: Sequence[str]) -> dict[str, list[Text]]:
    """Values of parameters in this study, by the dotted key as params.yaml has it; each where it first stands."""
    found = {}
    for key in keys:
        section, _, rest = key.partition(".")
        rows = source.values
        if section == "algorithms" and "." in rest:
            algorithm, _, leaf = rest.partition(".")
            rows = rows[(rows["algorithm"] == algorithm) & (rows["key"] == f"algorithm_values.{leaf}")]
        else:
            rows = rows[rows["key"] == key]
        first = rows.dropna(subset="value").drop_duplicates("value")
        found[key] = sorted(row.value for row in records(first))
    return found
