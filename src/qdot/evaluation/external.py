"""external.csv: scores from elsewhere, by source. The report alone reads them: no other table, no verdict."""

from typing import Any

import numpy as np
import pandas as pd

from qdot import external
from qdot.evaluation.statistics import t_interval
from qdot.frames import groups
from qdot.study import Study

BY = ("dataset", "algorithm", "readout", "protocol", "source")
COLUMNS = [*BY, "value", "low", "high", "seeds"]


def external_table(study: Study, confidence: float) -> pd.DataFrame:
    """A row per dataset, algorithm, readout, protocol and source: the mean over its seeds, or a score without seed.

    Args:
        study: The study, for its datasets.
        confidence: Coverage of the t interval over seeds.
    """
    rows = pd.DataFrame(external.of(study.root, study.datasets), columns=list(external.COLUMNS))
    table: list[tuple[Any, ...]] = []
    for (*names, seeded), own in groups(rows.assign(seeded=rows["seed"].notna()), *BY, "seeded"):
        estimate = t_interval(own["score"].to_numpy(dtype=np.float64), confidence)
        table.append((*names, *estimate, len(own) if seeded else None))
    return pd.DataFrame(table, columns=COLUMNS).astype({"seeds": "Int64"})
