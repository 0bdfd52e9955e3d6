"""What the report reads: the tables of the compare stage, the published scores, the claims' facts, the deviations."""

from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from qdot import resources
from qdot.errors import ResultsError
from qdot.frames import read_csv
from qdot.provenance import read_json
from qdot.reporting.deviations import Deviation, read_deviations
from qdot.study import Study
from qdot.vouched import transport_tables

CLAIMS = Path("workflow/resources/claims.yaml")
PUBLISHED = Path("workflow/resources/published_scores.csv")
REPLAY_BOUNDS = Path("workflow/resources/replay_bounds.csv")
DEVIATIONS = Path("docs/deviations.md")
NAMES = (
    "dataset",
    "datasets",
    "algorithm",
    "readout",
    "protocol",
    "status",
    "reason",
    "term",
    "digest",
    "field",
    "value",
    "stage",
    "log_tail",
)
COLUMNS = {
    "scores": ["dataset", "algorithm", "readout", "seed", "protocol", "score", "episodes", "status"],
    "summary": ["dataset", "algorithm", "readout", "protocol", "metric", "value", "low", "high", "seeds", "episodes"],
    "coverage": ["protocol", "dataset", "included", "missing"],
    "cells": ["dataset", "algorithm", "seed", "stage", "status", "reason", "step", "term", "digest", "log_tail"],
    "costs": ["dataset", "stage", "algorithms", "seeds", "seconds", "peak_memory_mb", "worker_peak_memory_mb"],
    "trajectories": ["dataset", "algorithm", "readout", "quantity", "step", "value", "low", "high", "seeds"],
    "datasets": ["dataset", "domain", "standing", "status", "reason", "checksum", "licence", "environment"],
    "published_statistics": ["dataset", "quantity", "found", "published", "agrees", "source"],
    "replays": [
        *("dataset", "environment", "check", "n", "skipped", "median", "p90", "p99", "max", "joint_error"),
        *("tasks", "completed", "bounds", "verdict", "reason"),
    ],
    "values": ["dataset", "algorithm", "key", "value", "set_by"],
    "provenance": ["dataset", "algorithm", "seed", "stage", "field", "value"],
    "differences": [
        *("dataset", "algorithm", "readout", "other", "other_readout", "difference", "low", "high"),
        *("p", "p_holm", "seeds", "detectable", "datasets"),
    ],
    "strengths": [
        *("dataset", "algorithm", "readout", "kind", "variant", "transport_weight", "value", "low", "high", "seeds"),
    ],
    "tuning": ["dataset", "algorithm", "arms", "episodes", "value", "low", "high"],
    "diagnostics_summary": ["dataset", "algorithm", "readout", "quantity", "value", "low", "high", "seeds"],
    "supplement": [*("dataset", "algorithm", "measure", "value", "low", "high", "p"), "episodes", "seeds", "status"],
    "signs": ["dataset", "algorithm", "seed", "sign", "quantity", "value", "threshold"],
}
STUDY = [
    *("study", "problem", "map", "dim", "samples", "seed", "metric", "value"),
    *("threshold", "passed", "control", "referee"),
]
STUDY_TEXT = ("study", "problem", "map", "metric", "threshold", "passed", "control", "referee")
CLAIM_ADDED = ("p", "p_holm", "p_against", "p_against_holm", "rule_commit", "rule_date", "run_commits", "post_hoc")
# Tables whose `value` is text.
TEXT_VALUE = ("values", "provenance")


class Source:
    """The files of one study, read when they are first asked for.

    Args:
        study: The study; its compare stage must have run.
    """

    def __init__(self, study: Study) -> None:
        """Keep the study; read nothing yet."""
        self.study = study

    def path(self, name: str) -> str:
        """A file of the compare stage as the report names it."""
        return self.study.places.name(self.study.compare_dir / name)

    def _table(self, name: str) -> pd.DataFrame:
        text = [column for column in NAMES if column != "value" or name in TEXT_VALUE]
        return read_csv(self.study.compare_dir / f"{name}.csv", COLUMNS[name], text=text)

    def _optional(self, name: str) -> pd.DataFrame | None:
        """A table that older or partial studies lack: None where it is missing."""
        return self._table(name) if (self.study.compare_dir / f"{name}.csv").is_file() else None

    @property
    def headline(self) -> str:
        """Protocol of the score table."""
        return str(self.study.params["compare"]["headline"])

    @cached_property
    def variants(self) -> dict[str, str]:
        """What each variant that the suite's grid made is one of."""
        pairs = ((name, self.study.swept_from(name)) for name in self.study.algorithms)
        return {name: of for name, of in pairs if of is not None}

    @cached_property
    def methods(self) -> tuple[str, ...]:
        """The study's algorithms that are no variant of a grid: what figures and tables show unfolded."""
        return tuple(name for name in self.study.algorithms if name not in self.variants)

    @cached_property
    def series(self) -> tuple[str, ...]:
        """Everything that may be drawn: methods, and what variants are variants of."""
        return tuple(dict.fromkeys((*self.methods, *self.variants.values())))

    @cached_property
    def scores(self) -> pd.DataFrame:
        """scores.csv."""
        return self._table("scores")

    @cached_property
    def summary(self) -> pd.DataFrame:
        """summary.csv."""
        return self._table("summary")

    @cached_property
    def coverage(self) -> pd.DataFrame:
        """coverage.csv."""
        return self._table("coverage")

    @cached_property
    def cells(self) -> pd.DataFrame:
        """cells.csv."""
        return self._table("cells")

    @cached_property
    def costs(self) -> pd.DataFrame | None:
        """costs.csv."""
        return self._optional("costs")

    @cached_property
    def trajectories(self) -> pd.DataFrame:
        """trajectories.csv, without readout names where a quantity has none."""
        return self._table("trajectories").fillna({"readout": ""})

    @cached_property
    def datasets(self) -> pd.DataFrame:
        """datasets.csv."""
        return self._table("datasets")

    @cached_property
    def published_statistics(self) -> pd.DataFrame | None:
        """published_statistics.csv."""
        return self._optional("published_statistics")

    @cached_property
    def replays(self) -> pd.DataFrame | None:
        """replays.csv."""
        return self._optional("replays")

    @cached_property
    def values(self) -> pd.DataFrame:
        """values.csv."""
        return self._table("values")

    @cached_property
    def provenance(self) -> pd.DataFrame:
        """provenance.csv."""
        return self._table("provenance")

    @cached_property
    def claims(self) -> list[dict[str, Any]]:
        """claims.json."""
        return _judged(self.study.compare_dir / "claims.json")

    @cached_property
    def expectations(self) -> list[dict[str, Any]] | None:
        """expectations.json; None where there is none."""
        path = self.study.compare_dir / "expectations.json"
        return _judged(path) if path.is_file() else None

    @cached_property
    def differences(self) -> pd.DataFrame | None:
        """differences.csv."""
        return self._optional("differences")

    @cached_property
    def strengths(self) -> pd.DataFrame | None:
        """strengths.csv."""
        return self._optional("strengths")

    @cached_property
    def tuning(self) -> pd.DataFrame | None:
        """tuning.csv."""
        return self._optional("tuning")

    @cached_property
    def diagnostics(self) -> pd.DataFrame | None:
        """diagnostics_summary.csv."""
        return self._optional("diagnostics_summary")

    @cached_property
    def signs(self) -> pd.DataFrame | None:
        """signs.csv."""
        return self._optional("signs")

    @cached_property
    def supplement(self) -> pd.DataFrame | None:
        """supplement.csv."""
        return self._optional("supplement")

    @cached_property
    def studies(self) -> dict[str, pd.DataFrame]:
        """Tables of the transport studies that a manifest vouches for, in the suite's order."""
        found, _ = transport_tables(self.study)
        names = dict.fromkeys([name for name in self.study.transport["studies"] if name in found] + sorted(found))
        folder = self.study.transport_dir
        return {name: read_csv(folder / f"{name}.csv", STUDY, text=STUDY_TEXT) for name in names}

    @cached_property
    def published(self) -> pd.DataFrame:
        """Published scores of others."""
        return read_csv(
            self.study.root / PUBLISHED,
            ["dataset", "algorithm", "score", "std", "seeds", "protocol", "source"],
            text=("dataset", "algorithm", "protocol", "source"),
        )

    @cached_property
    def facts(self) -> dict[str, Any]:
        """claims.yaml: the paper, its datasets, its baselines."""
        return resources.read(self.study.root, CLAIMS, "claims")

    @cached_property
    def deviations(self) -> list[Deviation]:
        """docs/deviations.md."""
        return read_deviations(self.study.root / DEVIATIONS)


def _judged(path: Path) -> list[dict[str, Any]]:
    """Entries with a verdict; what an older study did not record is None.

    Raises:
        ResultsError: the file is missing or damaged.
    """
    found = read_json(path)
    if not isinstance(found, list) or not all(isinstance(entry, dict) and "verdict" in entry for entry in found):
        raise ResultsError(f"{path}: expected a list of objects, each with a verdict; delete it and run compare again")
    return [{**dict.fromkeys(CLAIM_ADDED), "secondary": [], **entry} for entry in found]
