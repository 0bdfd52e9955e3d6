"""The state of a study as tables: what ran, what failed, on which data, from what and on what."""

from collections.abc import Sequence
from typing import Any

from qdot.frames import groups, records
from qdot.reporting.source import Source
from qdot.reporting.tables import Measured, Row, in_study_order, known, status_text

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
FAILED, ABSENT = ("dataset", "algorithm", "reason", "step"), ("algorithm", "reason")
TIMES = ("seconds", "seed_steps_per_second", "peak_memory_mb", "device", "finished")


def columns(source: Source) -> list[Row]:
    """Columns of the status matrix: each method, and the variants of each algorithm together."""
    found = [{"name": name, "algorithms": [name], "variants": 0} for name in source.methods]
    for of in dict.fromkeys(source.variants.values()):
        names = [name for name, parent in source.variants.items() if parent == of]
        found.append({"name": of, "algorithms": names, "variants": len(names)})
    return found


def status_matrix(source: Source) -> list[Row]:
    """A row per dataset: its standing, and the state of each column's seeds after evaluation."""
    evaluated = source.cells[source.cells["stage"] == "evaluate"]
    shown, matrix = columns(source), []
    for row in records(source.datasets):
        own = evaluated[evaluated["dataset"] == row.dataset]
        states = [own.loc[own["algorithm"].isin(column["algorithms"]), "status"] for column in shown]
        matrix.append({"dataset": row.dataset, "standing": row.standing, "states": list(map(status_text, states))})
    return matrix


def paper_share(source: Source) -> dict[str, int]:
    """How much of the paper's study this one holds: pairs (dataset, algorithm), and those at its full size."""
    paper, of_group = source.facts["paper"], source.facts["groups"]
    first = [names if isinstance(names, str) else names[0] for names in source.facts["study"]]
    of_paper = {dataset for group in of_group.values() for dataset in group}
    cells = source.cells[(source.cells["stage"] == "evaluate") & (source.cells["status"] == "ok")]
    seeds = {key: rows["seed"].nunique() for key, rows in groups(cells, "dataset", "algorithm")}
    mine = {pair: n for pair, n in seeds.items() if pair[0] in of_paper and pair[1] in paper["algorithms"]}
    full = [
        pair
        for pair, n in mine.items()
        if n >= source.facts["minimum_seeds"] and source.study.resolved(*pair)["train"]["steps"] >= paper["steps"]
    ]
    size = sum(len(of_group[name]) for name in first) * len(paper["algorithms"])
    return {"pairs": len(mine), "full": len(full), "of": size}


def scale(source: Source) -> list[Row]:
    """Values that set the size of the study, each with all that it takes here."""
    found = used_values(source, SCALE)
    seeds = {"key": "seeds", "values": [", ".join(map(str, source.study.seeds))]}
    return [seeds, *({"key": key, "values": values} for key, values in found.items())]


def failures(source: Source) -> Row:
    """Cells without a score: failed ones by (dataset, algorithm, reason), not run ones by (algorithm, reason)."""
    rows = source.cells[source.cells["status"] != "ok"].fillna(
        {"reason": "no reason recorded", "term": "", "log_tail": ""}
    )
    failed: dict[tuple[Any, ...], Row] = {}
    absent: dict[tuple[Any, ...], Row] = {}
    for row in records(rows):
        if row.status == "failed":
            step = int(row.step) if known(row.step) else None
            cause = (row.dataset, row.algorithm, row.reason, step)
            entry = failed.setdefault(
                cause, {"term": row.term, "log_tail": row.log_tail, "seeds": {}} | dict(zip(FAILED, cause, strict=True))
            )
            entry["seeds"][row.seed] = None
        else:
            of = source.variants.get(row.algorithm)
            why = (f"variants of {of}" if of else row.algorithm, row.reason)
            entry = absent.setdefault(why, {"datasets": {}, "cells": {}} | dict(zip(ABSENT, why, strict=True)))
            entry["datasets"][row.dataset] = None
            entry["cells"][row.dataset, row.seed] = None
    return {"failed": list(failed.values()), "absent": list(absent.values())}


def dataset_cards(source: Source) -> list[Row]:
    """Facts of each dataset, its warnings, and the environments that its cells were scored in."""
    rows = source.provenance[source.provenance["field"].str.startswith("environment.")]
    cards = []
    for card in source.datasets.to_dict("records"):
        own = rows[rows["dataset"] == card["dataset"]]
        pairs = dict.fromkeys(zip(own["field"].str.removeprefix("environment."), own["value"], strict=True))
        facts = {str(key): value if known(value) else None for key, value in card.items()}
        warnings = (facts.get("warnings") or "").splitlines()
        cards.append(facts | {"scored_in": list(pairs), "warnings": warnings})
    return cards


def published_rows(source: Source) -> list[Row] | None:
    """Published statistics of each dataset beside the file's own; None where the tables hold none."""
    if source.published_statistics is None:
        return None
    rows = source.published_statistics.to_dict("records")
    return [{str(key): value if known(value) else None for key, value in row.items()} for row in rows]


def replay_rows(source: Source) -> list[Row] | None:
    """Replay of each dataset in its environment; None where the tables hold none."""
    if source.replays is None:
        return None
    rows = source.replays.to_dict("records")
    return [{str(key): value if known(value) else None for key, value in row.items()} for row in rows]


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


def provenance_tables(source: Source) -> Row:
    """Versions, environments, machines, commits, acceptances, times and digests of the study."""
    return {
        "versions": recorded(source, "versions."),
        "machines": recorded(source, "runtime.", ("device", "host", "processors", "python", "git_commit", "git_dirty")),
        "accepted": recorded(source, "accepted"),
        "costs": cost_rows(source),
        "times": training_times(source),
        "digests": digests(source),
    }


def recorded(source: Source, prefix: str, names: Sequence[str] = ()) -> list[Row]:
    """Values of the recorded fields with a prefix (or of these names only), and how many stages of cells carry each."""
    rows = source.provenance[source.provenance["field"].str.startswith(prefix)]
    rows = rows.assign(field=rows["field"].str.removeprefix(prefix))
    rows = rows[rows["field"].isin(names)] if names else rows
    counted = {key: len(found) for key, found in groups(rows, "field", "value")}
    return [{"field": field, "value": value, "count": n} for (field, value), n in sorted(counted.items())]


def training_times(source: Source) -> list[Row]:
    """Per (dataset, algorithm): seconds of its batch, rate, memory, device; the first seed's record stands for all."""
    rows = source.provenance[
        (source.provenance["stage"] == "train") & source.provenance["field"].str.startswith("runtime.")
    ]
    table = []
    for (dataset, algorithm), group in groups(rows, "dataset", "algorithm"):
        first = group[group["seed"] == group["seed"].min()].set_index("field")["value"]
        table.append(
            {"dataset": dataset, "algorithm": algorithm, "seeds": group["seed"].nunique()}
            | {key: first.get(f"runtime.{key}") for key in TIMES}
        )
    return table


def cost_rows(source: Source) -> list[Row]:
    """Per dataset and stage: jobs, hours of all of them and of the longest, the highest memory; as costs.csv has it."""
    if source.costs is None:
        return []
    table = []
    for (dataset, stage), jobs in groups(source.costs.fillna({"dataset": ""}), "dataset", "stage"):
        hours = jobs["seconds"] / 3600
        memory = {name: jobs[name].max() for name in ("peak_memory_mb", "worker_peak_memory_mb")}
        times = {"jobs": len(jobs), "hours": hours.sum(), "longest": hours.max()}
        table.append({"dataset": dataset, "stage": stage, **times, **memory})
    return table


def digests(source: Source) -> list[Row]:
    """Digest of every cell that ran, by stage."""
    rows = source.cells[source.cells["status"] != "not run"]
    return [row._asdict() for row in records(rows[["dataset", "algorithm", "seed", "stage", "status", "digest"]])]


def used_values(source: Source, keys: Sequence[str]) -> dict[str, list[str]]:
    """Values of parameters in this study, by the dotted key as params.yaml has it."""
    found = {}
    for key in keys:
        section, _, rest = key.partition(".")
        rows = source.values
        if section == "algorithms" and "." in rest:
            algorithm, _, leaf = rest.partition(".")
            rows = rows[(rows["algorithm"] == algorithm) & (rows["key"] == f"algorithm_values.{leaf}")]
        else:
            rows = rows[rows["key"] == key]
        found[key] = sorted(set(rows["value"].dropna()))
    return found
