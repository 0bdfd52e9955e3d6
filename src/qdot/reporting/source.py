"""What the report reads: the tables of the compare stage, the published scores, claims.yaml, the deviations."""

from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from qdot import resources
from qdot.reporting.columns import COLUMNS, NAMES, STUDY, STUDY_TEXT, TEXT_VALUE
from qdot.reporting.deviations import Deviation, read_deviations
from qdot.reporting.printed import printed
from qdot.reporting.sourced import Number, pointed, read_judged, read_table, records
from qdot.study import Study
from qdot.vouched import transport_tables

CLAIMS = Path("workflow/resources/claims.yaml")
PUBLISHED = Path("workflow/resources/published_scores.csv")
REPLAY_BOUNDS = Path("workflow/resources/replay_bounds.csv")
DEVIATIONS = Path("docs/deviations.md")


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
        return read_table(self.study.compare_dir / f"{name}.csv", f"{name}.csv", COLUMNS[name], text=text)

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
    def facts(self) -> dict[str, Number]:
        """facts.csv, by quantity."""
        return {row.quantity: row.value for row in records(self._table("facts"))}

    @cached_property
    def percent(self) -> Markup:
        """Coverage of the study's intervals, as the page prints it."""
        confidence = self.facts["confidence"]
        return printed(confidence, f"{100 * confidence:g}%")

    @cached_property
    def states(self) -> pd.DataFrame:
        """states.csv."""
        return self._table("states")

    @cached_property
    def gaps(self) -> pd.DataFrame:
        """gaps.csv."""
        return self._table("gaps")

    @cached_property
    def bounds(self) -> dict[str, Any]:
        """bounds.csv, by study."""
        return {row.study: row for row in records(self._table("bounds"))}

    @cached_property
    def totals(self) -> pd.DataFrame:
        """totals.csv."""
        return self._table("totals")

    @cached_property
    def made_with(self) -> pd.DataFrame:
        """made_with.csv."""
        return self._table("made_with")

    @cached_property
    def trajectories(self) -> pd.DataFrame:
        """trajectories.csv, without readout names where a quantity has none."""
        return self._table("trajectories").fillna({"readout": ""})

    @cached_property
    def evaluations(self) -> pd.DataFrame:
        """evaluations.csv."""
        return self._table("evaluations")

    @cached_property
    def moves(self) -> pd.DataFrame | None:
        """moves.csv."""
        return self._optional("moves")

    @cached_property
    def moved_episodes(self) -> pd.DataFrame | None:
        """moved_episodes.csv."""
        return self._optional("moved_episodes")

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
    def external(self) -> pd.DataFrame | None:
        """external.csv."""
        return self._optional("external")

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
        return read_judged(self.study.compare_dir / "claims.json")

    @cached_property
    def expectations(self) -> list[dict[str, Any]] | None:
        """expectations.json; None where there is none."""
        path = self.study.compare_dir / "expectations.json"
        return read_judged(path) if path.is_file() else None

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
        paths = [self.study.transport_dir / f"{name}.csv" for name in names]
        return {path.stem: read_table(path, self.study.places.name(path), STUDY, STUDY_TEXT) for path in paths}

    @cached_property
    def published(self) -> pd.DataFrame:
        """Published scores of others."""
        return read_table(
            self.study.root / PUBLISHED,
            str(PUBLISHED),
            ["dataset", "algorithm", "score", "std", "seeds", "protocol", "source"],
            text=("dataset", "algorithm", "protocol", "source"),
        )

    @cached_property
    def stated(self) -> dict[str, Any]:
        """claims.yaml: the paper, its datasets, its baselines."""
        return pointed(resources.read(self.study.root, CLAIMS, "claims"), str(CLAIMS))

    @cached_property
    def deviations(self) -> list[Deviation]:
        """docs/deviations.md."""
        return read_deviations(self.study.root / DEVIATIONS)
