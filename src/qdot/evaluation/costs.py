"""What a study cost, as its jobs measured it: wall time and memory per dataset, algorithm and stage."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from qdot.frames import groups
from qdot.provenance import find_json
from qdot.study import Study

COLUMNS = ["dataset", "algorithm", "stage", "seeds", "seconds", "peak_memory_mb", "worker_peak_memory_mb", "device"]
MEMORY = ("peak_memory_mb", "worker_peak_memory_mb")


def cost_table(study: Study, provenance: pd.DataFrame) -> pd.DataFrame:
    """costs.csv: a row per job that ran; no row where nothing was recorded.

    Args:
        study: The study; datasets and transport studies have a runtime.json of their own.
        provenance: Rows of provenance.csv: those of cells.
    """
    rows = [_row({"dataset": name, "stage": "data"}, study.data_dir(name)) for name in study.datasets]
    rows += _cells(provenance)
    rows.append(_row({"stage": "transport"}, study.transport_dir))
    table = pd.DataFrame([row for row in rows if row.get("seconds") is not None], columns=COLUMNS)
    return table.astype({"seeds": "Int64", "seconds": "float64", **dict.fromkeys(MEMORY, "Float64")})


def _row(names: Mapping[str, str], directory: Any) -> dict[str, Any]:
    """The row of a job that is no cell's."""
    found = find_json(directory / "runtime.json") or {}
    return {**names, **{key: found.get(key) for key in ("seconds", *MEMORY)}}


def _cells(provenance: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """A row per (dataset, algorithm, stage): its batches of seeds together.

    The seeds of a batch share its start, and its seconds are those of its last seed.
    """
    rows = provenance[provenance["field"].str.startswith("runtime.")]
    for (dataset, algorithm, stage), found in groups(rows, "dataset", "algorithm", "stage"):
        wide = found.pivot(index="seed", columns="field", values="value")
        wide.columns = wide.columns.str.removeprefix("runtime.")
        wide = wide.reindex(columns=["started", "seconds", *MEMORY, "device"])
        batches = wide["seconds"].astype(float).groupby(wide["started"], dropna=False).max()
        memory = {name: wide[name].astype(float).max() for name in MEMORY}
        names = {"dataset": dataset, "algorithm": algorithm, "stage": stage, "seeds": len(wide)}
        yield {**names, "seconds": batches.sum(), **memory, "device": wide["device"].iloc[0]}
