"""Counts that the report prints, so that it counts nothing itself: facts, states of cells, gaps, bounds, versions."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from qdot.evaluation import rules
from qdot.evaluation.claims import paper_datasets
from qdot.evaluation.tried import Judged
from qdot.frames import groups
from qdot.study import Study

STATUSES = {"ok": "ok", "failed": "failed", "not run": "not_run"}  # of a cell, and their columns
STATES = ["dataset", "algorithm", "variants", *STATUSES.values()]
GAPS = ["status", "dataset", "algorithm", "variants", "reason", "step", "term", "seed_list", "cells", "datasets"]
GAPS += ["log_tail"]
MADE_WITH = ("code", "accepted", "versions.", "environment.")  # fields of provenance.csv, by how they begin
MACHINE = ("device", "host", "processors", "python", "git_commit", "git_dirty")  # of them, under `runtime.`
BOUNDS = ["study", "bounds", "kept", "controls", "controls_missed"]


def fact_table(
    study: Study, content: Mapping[str, Any], cells: pd.DataFrame, judged: Mapping[str, Sequence[Judged]]
) -> pd.DataFrame:
    """facts.csv: single numbers about the study.

    Args:
        study: The study.
        content: claims.yaml.
        cells: Rows of cells.csv.
        judged: Entries with verdicts by section of claims.yaml.
    """
    evaluated = cells[cells["stage"] == "evaluate"]
    states, beyond = Counter(evaluated["status"]), int(evaluated["algorithm"].isin(study.beyond).sum())
    suite, compare = study.params["suites"][study.suite], study.params["compare"]
    facts = {
        "cells": states.total(),
        **{f"cells_{column}": states[status] for status, column in STATUSES.items()},
        "cells_of_suite": states.total() - beyond,
        "cells_beyond": beyond,
        "cells_planned": len(suite["datasets"]) * len(suite["algorithms"]) * len(suite["seeds"]),
        "variants": sum(study.swept_from(name) is not None for name in study.algorithms),
        **_paper_share(study, content, cells),
        "paper_steps": content["paper"]["steps"],
        "minimum_seeds": content["minimum_seeds"],
        "minimum_seeds_single": content["minimum_seeds_single"],
        "confidence": compare["confidence"],
        "tuning_exploration": compare["tuning_exploration"],
        "tuning_draws": compare["tuning_draws"],
    }
    for section, entries in judged.items():
        found = Counter(entry["verdict"] for entry in entries)
        facts |= {f"{section}_{verdict.replace(' ', '_')}": found[verdict] for verdict in rules.VERDICTS}
    return pd.DataFrame(facts.items(), columns=["quantity", "value"], dtype=object)


def _paper_share(study: Study, content: Mapping[str, Any], cells: pd.DataFrame) -> dict[str, int]:
    """How much of the paper's study this one holds: pairs (dataset, algorithm), and those at its full size."""
    paper, of_paper = content["paper"], paper_datasets(content)
    ok = cells[(cells["stage"] == "evaluate") & (cells["status"] == "ok")]
    mine = [
        (pair, rows["seed"].nunique())
        for pair, rows in groups(ok, "dataset", "algorithm")
        if pair[0] in of_paper and pair[1] in paper["algorithms"]
    ]
    full = sum(
        seeds >= content["minimum_seeds"] and study.resolved(*pair)["train"]["steps"] >= paper["steps"]
        for pair, seeds in mine
    )
    first = [names if isinstance(names, str) else names[0] for names in content["study"]]
    size = sum(len(content["groups"][name]) for name in first) * len(paper["algorithms"])
    return {"paper_pairs": size, "paper_pairs_here": len(mine), "paper_pairs_full": full}


def state_table(study: Study, cells: pd.DataFrame) -> pd.DataFrame:
    """states.csv: cells by state after evaluation, a row per dataset and method; a grid's variants share a row."""
    shown = _shown(study, cells[cells["stage"] == "evaluate"])
    rows = []
    for (dataset, algorithm, swept), own in groups(shown, "dataset", "algorithm", "swept"):
        states = Counter(own["status"])
        variants = own["name"].nunique() if swept else 0
        rows.append((dataset, algorithm, variants, *(states[status] for status in STATUSES)))
    return pd.DataFrame(rows, columns=STATES)


def _shown(study: Study, cells: pd.DataFrame) -> pd.DataFrame:
    """Cells with the name that they are shown under: `algorithm`; what it is: `name`; made by a grid: `swept`."""
    parents = {name: study.swept_from(name) for name in study.algorithms}
    return cells.assign(
        name=cells["algorithm"],
        algorithm=[parents[name] or name for name in cells["algorithm"]],
        swept=[parents[name] is not None for name in cells["algorithm"]],
    )


def gap_table(study: Study, cells: pd.DataFrame) -> pd.DataFrame:
    """gaps.csv: what has no result, and why; failed cells by dataset and cause, others by method and reason."""
    rows = _shown(study, cells[cells["status"] != "ok"])
    rows = rows.assign(reason=rows["reason"].fillna("no reason recorded"))
    found = [*_failed(rows[rows["status"] == "failed"]), *_absent(rows[rows["status"] != "failed"])]
    return pd.DataFrame(found, columns=GAPS).astype({"step": "Int64"})


def _failed(rows: pd.DataFrame) -> Iterator[dict[str, Any]]:
    rows = rows.assign(at=rows["step"].astype("Int64").astype("str"))
    for (dataset, name, reason, _), own in groups(rows, "dataset", "name", "reason", "at"):
        first = own.iloc[0]
        yield {
            **{"status": "failed", "dataset": dataset, "algorithm": name, "variants": 0, "reason": reason},
            **{key: first[key] if pd.notna(first[key]) else None for key in ("step", "term", "log_tail")},
            **{"seed_list": _words(own["seed"]), "cells": len(_cells(own)), "datasets": 1},
        }


def _absent(rows: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for (algorithm, swept, reason), own in groups(rows, "algorithm", "swept", "reason"):
        named = list(dict.fromkeys(own["dataset"]))
        yield {
            **{"status": "not run", "dataset": " ".join(named), "algorithm": algorithm, "reason": reason},
            **{"variants": own["name"].nunique() if swept else 0, "seed_list": _words(own["seed"])},
            **{"cells": len(_cells(own)), "datasets": len(named)},
        }


def _cells(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[["dataset", "name", "seed"]].drop_duplicates()


def _words(seeds: pd.Series) -> str:
    return " ".join(map(str, dict.fromkeys(seeds)))


def bound_table(studies: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """bounds.csv: per transport study, bounds that were kept, and controls that missed as they must."""
    rows = []
    for name, table in studies.items():
        if "threshold" not in table:
            continue
        bounded = table[table["threshold"].notna()]
        kept, control = (bounded[column].astype("str") == "True" for column in ("passed", "control"))
        rows.append((name, (~control).sum(), (kept & ~control).sum(), control.sum(), (kept & control).sum()))
    return pd.DataFrame(rows, columns=BOUNDS)


def made_with(provenance: pd.DataFrame) -> pd.DataFrame:
    """What runs were made with: rows of provenance.csv without clocks and digests, counted over cells.

    Returns:
        `stage, field, value, records`, in the order of the first three.
    """
    field = provenance["field"]
    wanted = field.str.startswith(MADE_WITH) | field.isin([f"runtime.{name}" for name in MACHINE])
    counted = [(*key, len(rows)) for key, rows in groups(provenance[wanted], "stage", "field", "value")]
    return pd.DataFrame(sorted(counted), columns=["stage", "field", "value", "records"])
