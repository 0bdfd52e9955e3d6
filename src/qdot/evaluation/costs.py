"""What a study cost, as its jobs measured it: wall time and memory of each."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from qdot.frames import groups
from qdot.manifests import find_record
from qdot.study import Study

COLUMNS = ["dataset", "stage", "algorithms", "seeds", "seconds", "peak_memory_mb", "worker_peak_memory_mb", "device"]
MEMORY = ("peak_memory_mb", "worker_peak_memory_mb")
CELL = ["dataset", "algorithm", "seed", "stage"]
TOTALS = ["dataset", "stage", "jobs", "hours", "longest_hours", *MEMORY]


def cost_table(study: Study, provenance: pd.DataFrame) -> pd.DataFrame:
    """costs.csv: a row per job that ran; no row where nothing was recorded.

    Args:
        study: The study; datasets and transport studies have a runtime.json of their own.
        provenance: Rows of provenance.csv: those of cells.
    """
    rows = [_row({"dataset": name, "stage": "data"}, study.data_dir(name)) for name in study.datasets]
    rows += _jobs(provenance)
    rows.append(_row({"stage": "transport"}, study.transport_dir))
    table = pd.DataFrame([row for row in rows if row["seconds"] is not None], columns=COLUMNS)
    return table.astype({"seeds": "Int64", "seconds": "float64", **dict.fromkeys(MEMORY, "Float64")})


def _row(names: Mapping[str, str], directory: Path) -> dict[str, Any]:
    """The row of a job that is no cell's."""
    found = find_record(directory / "runtime.json")
    numbers = {key: found.get(key) for key in ("seconds", *MEMORY)}
    return {**names, **{key: value if isinstance(value, int | float) else None for key, value in numbers.items()}}


def _jobs(provenance: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """A row per job that trained or evaluated: cells of one dataset and stage that record one start.

    Algorithms that trained side by side in one process name each other, and share its time.
    """
    rows = provenance[provenance["field"].str.startswith("runtime.")]
    wide = rows.pivot(index=CELL, columns="field", values="value")
    wide.columns = wide.columns.str.removeprefix("runtime.")
    wide = wide.reindex(columns=["started", "algorithms", "seconds", *MEMORY, "device"]).reset_index()
    wide = rows[CELL].drop_duplicates().merge(wide)  # in the study's order
    together = wide["algorithms"].astype("object").fillna(wide["algorithm"])
    wide = wide.assign(together=together, started=wide["started"].astype("object").fillna("unknown"))
    for (dataset, stage, *_), job in groups(wide, "dataset", "stage", "started", "together"):
        highest = {name: pd.to_numeric(job[name], errors="coerce").max() for name in ("seconds", *MEMORY)}
        names = {"dataset": dataset, "stage": stage, "algorithms": " ".join(dict.fromkeys(job["algorithm"]))}
        yield {**names, "seeds": job["seed"].nunique(), **highest, "device": job["device"].iloc[0]}


def total_table(costs: pd.DataFrame) -> pd.DataFrame:
    """totals.csv: rows of costs.csv added up by dataset and stage; memory is the highest of any job."""
    rows = []
    for (dataset, stage), jobs in groups(costs.fillna({"dataset": ""}), "dataset", "stage"):
        hours, highest = jobs["seconds"] / 3600, [jobs[name].max() for name in MEMORY]
        rows.append((dataset or None, stage, len(jobs), hours.sum(), hours.max(), *highest))
    return pd.DataFrame(rows, columns=TOTALS)
