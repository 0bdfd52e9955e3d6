"""What the cells of a study left behind, gathered into long tables."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qdot.algorithms import registry
from qdot.errors import ResultsError
from qdot.evaluation.records import flatten, reason_text
from qdot.evaluation.scores import normalise
from qdot.evaluation.tables import EPISODE_COLUMNS
from qdot.frames import read_csv
from qdot.provenance import find_json, read_json
from qdot.study import Cell, Study

CELL = ["dataset", "algorithm", "seed"]
CELL_COLUMNS = [*CELL, "stage", "status", "reason", "step", "term", "digest", "log_tail"]
EVALUATION_COLUMNS = [
    "dataset",
    "algorithm",
    "readout",
    "seed",
    "step",
    "score",
    "return",
    "length",
    "success",
    "episodes",
]
CURVE_COLUMNS = [*CELL, "step", "quantity", "value"]
PROVENANCE_COLUMNS = [*CELL, "stage", "field", "value"]
SUCCESS = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}
CURVE_POINTS = 100  # rows of a curve.csv that the gathered table keeps


@dataclass(frozen=True)
class Gathered:
    """The cells of a study as long tables.

    Attributes:
        cells: A row per cell and stage: status, reason, and for a failure its step and loss term.
        final: A row per cell and readout: means over the episodes of the final evaluation.
        evaluations: A row per evaluation during training: means over its episodes.
        curves: Logged quantities, at most `CURVE_POINTS` steps per cell.
        provenance: Everything else that manifest.json and runtime.json say, as text.
    """

    cells: pd.DataFrame
    final: pd.DataFrame
    evaluations: pd.DataFrame
    curves: pd.DataFrame
    provenance: pd.DataFrame

    def status(self, stage: str) -> dict[Cell, str]:
        """Status of each cell in one stage."""
        rows = self.cells[self.cells["stage"] == stage]
        return {Cell(d, a, s): status for d, a, s, status in rows[[*CELL, "status"]].itertuples(index=False)}


def gather(study: Study) -> Gathered:
    """Read every cell of the study; one that is missing is a row with the status `not run`.

    Raises:
        ResultsError: a manifest is `ok` but a file that it names is missing or damaged.
    """
    built = frozenset(registry.names())
    cells: list[dict[str, Any]] = []
    provenance: list[dict[str, Any]] = []
    tables: dict[str, list[pd.DataFrame]] = {"final": [], "evaluations": [], "curves": []}
    for cell in study.cells():
        references = study.params["datasets"][cell.dataset].get("reference_scores")
        for stage in ("train", "evaluate"):
            directory = study.cell_dir(stage, cell)
            manifest = _manifest(study, cell, stage, built)
            cells.append(_cell_row(cell, stage, manifest))
            provenance += _provenance_rows(cell, stage, directory, manifest)
            for name, frame in _tables(directory, stage, manifest, references):
                tables[name].append(frame.assign(**cell._asdict()))
    return Gathered(
        pd.DataFrame(cells, columns=CELL_COLUMNS).astype({"step": "Int64"}),
        _joined(tables["final"], EVALUATION_COLUMNS),
        _joined(tables["evaluations"], EVALUATION_COLUMNS),
        _joined(tables["curves"], CURVE_COLUMNS),
        pd.DataFrame(provenance, columns=PROVENANCE_COLUMNS),
    )


def _manifest(study: Study, cell: Cell, stage: str, built: frozenset[str]) -> dict[str, Any]:
    """A cell's manifest; what was made from other values or code than the study's is no result."""
    path = study.cell_dir(stage, cell) / "manifest.json"
    if path.is_file():
        manifest = read_json(path)
        if study.expected is None or manifest["digest"] == study.expected.get((stage, cell)):
            return manifest
        return {"status": "not run", "reason": f"{stage}: the result there was made from other values or code"}
    if cell.algorithm not in built:
        reason = f"algorithm {cell.algorithm!r} is not built yet"
    else:
        reason = f"{stage}: no result yet"
    return {"status": "not run", "reason": reason}


def _cell_row(cell: Cell, stage: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
    reason = manifest.get("reason")
    detail = reason if isinstance(reason, Mapping) else {}
    return {
        **cell._asdict(),
        "stage": stage,
        "status": manifest["status"],
        "reason": reason_text(reason),
        "step": detail.get("step"),
        "term": detail.get("term"),
        "digest": manifest.get("digest"),
        "log_tail": detail.get("log_tail"),
    }


def _provenance_rows(cell: Cell, stage: str, directory: Path, manifest: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Digest, code, versions, environment and acceptances of a cell that ran, and all of its runtime.json."""
    if manifest["status"] == "not run":
        return
    kept = {key: manifest[key] for key in ("digest", "code", "versions", "environment", "accepted") if key in manifest}
    kept["runtime"] = find_json(directory / "runtime.json") or {}
    for field, value in flatten(kept):
        yield {**cell._asdict(), "stage": stage, "field": field, "value": value}


def _tables(
    directory: Path, stage: str, manifest: Mapping[str, Any], references: list[float] | None
) -> Iterator[tuple[str, pd.DataFrame]]:
    """The tables that a cell's manifest vouches for; a failed cell's curve shows where it went wrong."""
    if manifest["status"] == "not run":
        return
    files = manifest.get("files", {})
    if manifest["status"] == "ok":
        expected = ("curve.csv", "evaluations.csv") if stage == "train" else ("episodes.csv",)
        absent = [name for name in expected if name not in files]
        if absent:
            raise ResultsError(f"{directory}/manifest.json: status ok, but {', '.join(absent)} is not among its files")
    if "episodes.csv" in files:
        yield "final", evaluations(directory / "episodes.csv", references)
    if "evaluations.csv" in files:
        yield "evaluations", evaluations(directory / "evaluations.csv", references)
    if "curve.csv" in files:
        yield "curves", curve(directory / "curve.csv")


def evaluations(path: Path, references: list[float] | None) -> pd.DataFrame:
    """A row per evaluation (readout, step): means over its episodes. Scores follow from returns where none stand."""
    episodes = read_csv(path, EPISODE_COLUMNS, text=("dataset", "algorithm", "readout", "success"))
    episodes["success"] = episodes["success"].str.lower().map(SUCCESS)
    groups = episodes.groupby(["readout", "step"], sort=True)
    means = groups[["score", "return", "length", "success"]].mean()
    means["episodes"] = groups.size()
    means = means.reset_index()
    if references is not None and means["score"].isna().all():
        means["score"] = [normalise(value, references) for value in means["return"]]
    return means


def curve(path: Path) -> pd.DataFrame:
    """A curve.csv as rows (step, quantity, value), at most `CURVE_POINTS` of its steps, first and last included."""
    wide = read_csv(path, ["step"])
    kept = np.unique(np.linspace(0, len(wide) - 1, min(len(wide), CURVE_POINTS)).round().astype(int))
    long = wide.iloc[kept].melt("step", var_name="quantity", value_name="value")
    return long.replace([np.inf, -np.inf], np.nan).dropna(subset="value")


def _joined(frames: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    filled = [frame for frame in frames if len(frame)]
    return pd.concat(filled, ignore_index=True)[columns] if filled else pd.DataFrame(columns=columns)
