"""The transport studies' tables, as far as a manifest vouches for them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from qdot.frames import read_csv
from qdot.manifests import find_record
from qdot.study import Study
from qdot.vouched import NOT_RUN, transport_tables


@dataclass(frozen=True)
class Studies:
    """The transport studies of a suite.

    Attributes:
        tables: Tables by name, `lqr` of lqr.csv.
        reason: Why any other is missing.
        run: `git_commit` and `finished` (UTC, ISO 8601) of the run; empty where they are not known.
    """

    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    reason: str = NOT_RUN
    run: Mapping[str, str] = field(default_factory=dict)


def read(study: Study) -> Studies:
    """Every table that a manifest vouches for, and the run that made them.

    Raises:
        ResultsError: a table that the manifest lists is missing or damaged.
    """
    found, reason = transport_tables(study)
    runtime = find_record(study.transport_dir / "runtime.json") if found else {}
    run = {key: str(runtime[key]) for key in ("git_commit", "finished") if runtime.get(key)}
    return Studies({name: read_csv(study.transport_dir / f"{name}.csv", []) for name in found}, reason, run)
