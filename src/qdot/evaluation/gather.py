"""What the cells of a study left behind, gathered into long tables."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qdot.errors import ResultsError
from qdot.evaluation.records import flatten, reason_text
from qdot.evaluation.scores import normalise
from qdot.evaluation.statistics import Array
from qdot.evaluation.tables import EPISODE_COLUMNS, MOVE_COLUMNS
from qdot.frames import evenly, read_csv, require_numbers
from qdot.manifests import find_record, read_manifest
from qdot.provenance import damaged_files
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
    "noise",
]
EPISODES = [*CELL, "readout", "score"]
DATASET_EPISODES = [*CELL, "episode", "cluster", "return", "length", "displacement", "imitation_distance", "action_sd"]
DATASET_EPISODE_NUMBERS = ("episode", "return", "length", "displacement", "imitation_distance", "action_sd")
CURVE_COLUMNS = [*CELL, "step", "quantity", "value"]
PROVENANCE_COLUMNS = [*CELL, "stage", "field", "value"]
TABLES = {
    "final": EVALUATION_COLUMNS,
    "episodes": EPISODES,
    "evaluations": EVALUATION_COLUMNS,
    "dataset_episodes": DATASET_EPISODES,
    "moves": list(MOVE_COLUMNS),
    "curves": CURVE_COLUMNS,
}
EPISODE_NUMBERS = ("seed", "step", "episode", "return", "length", "score")
SUCCESS = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}
LATE = 10  # evaluations at the end of training whose noise is measured
CURVE_POINTS = 100  # rows of a curve.csv that the gathered table keeps


@dataclass(frozen=True)
class Gathered:
    """The cells of a study as long tables.

    Attributes:
        cells: A row per cell and stage: status, reason, and for a failure its step and loss term.
        final: A row per cell and readout: means over the episodes of the final evaluation.
        episodes: Scores of single episodes of the final evaluation.
        evaluations: A row per evaluation during training: means over its episodes; of the last ten also `noise`, the
            variance that the finite number of episodes gives the mean score.
        dataset_episodes: A row per episode of the data and cell with a map, where the evaluate stage measured it.
        moves: Where the map of a cell moves single actions of the data.
        curves: Logged quantities, at most `CURVE_POINTS` steps per cell.
        provenance: Everything else that manifest.json and runtime.json say, as text.
    """

    cells: pd.DataFrame
    final: pd.DataFrame
    episodes: pd.DataFrame
    evaluations: pd.DataFrame
    dataset_episodes: pd.DataFrame
    moves: pd.DataFrame
    curves: pd.DataFrame
    provenance: pd.DataFrame

    def status(self, stage: str) -> dict[Cell, str]:
        """Status of each cell in one stage."""
        rows = self.cells[self.cells["stage"] == stage]
        return {Cell(d, a, s): status for d, a, s, status in rows[[*CELL, "status"]].itertuples(index=False)}


def gather(study: Study) -> Gathered:
    """Read every cell of the study; one that is missing is a row with the status `not run`.

    Raises:
        ResultsError: a manifest is `ok` but does not name a file that it should.
    """
    cells: list[dict[str, Any]] = []
    provenance: list[dict[str, Any]] = []
    tables: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    for cell in study.cells():
        references = study.params["datasets"][cell.dataset].get("reference_scores")
        for stage in ("train", "evaluate"):
            directory = study.cell_dir(stage, cell)
            manifest = manifest_of(study, cell, stage)
            cells.append(_cell_row(cell, stage, manifest))
            provenance += _provenance_rows(cell, stage, directory, manifest)
            for name, frame in _tables(directory, stage, manifest, references):
                tables[name].append(frame.assign(**cell._asdict()))
    return Gathered(
        cells=pd.DataFrame(cells, columns=CELL_COLUMNS).astype({"step": "Int64"}),
        **{name: _joined(tables[name], columns) for name, columns in TABLES.items()},
        provenance=pd.DataFrame(provenance, columns=PROVENANCE_COLUMNS),
    )


def manifest_of(study: Study, cell: Cell, stage: str) -> dict[str, Any]:
    """A cell's manifest; what was made from other values or code, or is damaged, is no result, and says so."""
    path = study.cell_dir(stage, cell) / "manifest.json"
    if path.is_file():
        try:
            manifest = read_manifest(path, "digest", "files")
        except ResultsError as error:
            return {"status": "failed", "reason": f"{stage}: {error}"}
        if study.expected is None or manifest.get("digest") == study.expected.get((stage, cell)):
            damaged = list(damaged_files(path.parent, _tables_in(manifest)))
            if damaged:
                text = f"{', '.join(damaged)} differ from what the manifest records; the next run makes the cell again"
                return {"status": "failed", "reason": f"{stage}: {text}"}
            return manifest
        return {"status": "not run", "reason": f"{stage}: the result there was made from other values or code"}
    if not study.is_built(cell.algorithm):
        reason = f"algorithm {cell.algorithm!r} is not built yet"
    else:
        reason = f"{stage}: no result yet"
    return {"status": "not run", "reason": reason}


def _tables_in(manifest: Mapping[str, Any]) -> dict[str, str]:
    """SHA-256 of the files of a cell that are read here."""
    return {name: found for name, found in manifest.get("files", {}).items() if name.endswith(".csv")}


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
    kept["runtime"] = find_record(directory / "runtime.json")
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
        single = episodes(directory / "episodes.csv", references)
        yield "final", evaluations(single)
        yield "episodes", single[["readout", "score"]]
    if "evaluations.csv" in files:
        yield "evaluations", evaluations(episodes(directory / "evaluations.csv", references))
    if "dataset_episodes.csv" in files:
        path, numbers = directory / "dataset_episodes.csv", DATASET_EPISODE_NUMBERS
        yield "dataset_episodes", read_csv(path, DATASET_EPISODES, ("cluster",), numbers)
    if "moves.csv" in files:
        yield "moves", read_csv(directory / "moves.csv", MOVE_COLUMNS, (), MOVE_COLUMNS[3:])
    if "curve.csv" in files:
        yield "curves", curve(directory / "curve.csv")


def episodes(path: Path, references: list[float] | None) -> pd.DataFrame:
    """Single episodes with success as a number. Scores follow from returns where none stand."""
    single = read_csv(path, EPISODE_COLUMNS, ("dataset", "algorithm", "readout", "success"), EPISODE_NUMBERS)
    single["success"] = single["success"].str.lower().map(SUCCESS)
    if references is not None and single["score"].isna().all():
        single["score"] = [normalise(value, references) for value in single["return"]]
    return single


def evaluations(single: pd.DataFrame) -> pd.DataFrame:
    """A row per evaluation (readout, step): means over its episodes, and the noise of the last ten."""
    groups = single.groupby(["readout", "step"], sort=True)
    means = groups[["score", "return", "length", "success"]].mean()
    means["episodes"] = groups.size()
    noise = {readout: evaluation_noise(rows) for readout, rows in single.groupby("readout", sort=True)}
    means["noise"] = [noise[readout].get(step, np.nan) for readout, step in means.index]
    return means.reset_index()


def evaluation_noise(single: pd.DataFrame) -> "pd.Series[float]":
    """Variance that a finite number of episodes gives an evaluation's mean score, of the last ten, by step.

    Episodes of one number may share their start, so what an episode adds in every evaluation is no noise between them:
    it is taken out first (the residual of a two-way layout, evaluations by episodes; without shared starts it is the
    plain variance in expectation). NaN where the evaluations are one, or have one episode.

    Args:
        single: Episodes of one cell and readout: `step`, `episode`, `score`.
    """
    if single["step"].nunique() < 2:
        return pd.Series(dtype=float)
    table = single.set_index(["step", "episode"])["score"].unstack().sort_index().tail(LATE).dropna(axis="columns")
    if table.shape[1] < 2:
        return pd.Series(dtype=float)
    return pd.Series(noise_of_means(table.to_numpy(dtype=np.float64)), index=table.index)


def noise_of_means(scores: Array) -> Array:
    """Variance that episodes give each evaluation's mean: the residual of the two-way layout, two or more of both.

    Args:
        scores: (..., times, episodes).

    Returns:
        (..., times).
    """
    times, count = scores.shape[-2:]
    rest = scores - scores.mean(axis=-1, keepdims=True) - scores.mean(axis=-2, keepdims=True)
    rest = rest + scores.mean(axis=(-2, -1), keepdims=True)
    noise: Array = (rest**2).sum(axis=-1) / (count - 1) * (times / (times - 1)) / count
    return noise


def curve(path: Path) -> pd.DataFrame:
    """A curve.csv as rows (step, quantity, value), at most `CURVE_POINTS` of its steps, first and last included."""
    wide = read_csv(path, ["step"])
    require_numbers(path, wide, wide.columns)
    if taken := {"quantity", "value"} & set(wide.columns):
        raise ResultsError(f"{path}: columns {sorted(taken)}: expected names of quantities; delete it and train again")
    long = evenly(wide, CURVE_POINTS).melt("step", var_name="quantity", value_name="value")
    return long.replace([np.inf, -np.inf], np.nan).dropna(subset="value")


def _joined(frames: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    filled = [frame for frame in frames if len(frame)]
    return pd.concat(filled, ignore_index=True)[columns] if filled else pd.DataFrame(columns=columns)
