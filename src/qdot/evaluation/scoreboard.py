"""Scores of every cell by readout and protocol: one row each, also for what failed or was not run.

Protocols: `final` is the evaluation of the last checkpoint after training; `last`, `best` and `mean10` are read from
the evaluations during training (the last one, the highest one, the mean of the last ten). They are never mixed.
"""

import pandas as pd

from qdot.evaluation.gather import CELL, Gathered
from qdot.study import Study

KEY = ["dataset", "algorithm", "readout", "seed", "protocol"]
SCORE_COLUMNS = [*KEY, "score", "episodes", "status"]
RETURN_COLUMNS = [*KEY, "return", "length", "success", "episodes"]
MEASURES = ["score", "return", "length", "success"]
MEAN_OVER = 10  # evaluations that `mean10` is made of
PROTOCOLS = ("final", "last", "best", "mean10")


def score_tables(study: Study, gathered: Gathered) -> tuple[pd.DataFrame, pd.DataFrame]:
    """scores.csv and returns.csv.

    Returns:
        A row per planned (cell, readout, protocol) with its score, empty unless its status is `ok`; and the raw
        returns, lengths and success rates of those that were measured.
    """
    measured = pd.concat([gathered.final.assign(protocol="final"), training_protocols(gathered.evaluations)])
    merged = planned(study, gathered).merge(measured.drop(columns="step"), on=KEY, how="left")
    merged.loc[(merged["status"] == "ok") & merged["return"].isna(), "status"] = "not run"
    ok = merged["status"] == "ok"
    merged["score"] = merged["score"].astype("float64").where(ok)
    merged["episodes"] = merged["episodes"].astype("Int64").where(ok)
    return merged[SCORE_COLUMNS], merged.loc[ok, RETURN_COLUMNS].reset_index(drop=True)


def planned(study: Study, gathered: Gathered) -> pd.DataFrame:
    """Every (cell, readout, protocol) that the study asks for, in its order, with the status of its stage.

    The primary readout alone is evaluated during training.
    """
    trained, evaluated = gathered.status("train"), gathered.status("evaluate")
    rows = []
    for dataset in study.datasets:
        for algorithm in study.algorithms:
            values = study.resolved(dataset, algorithm)
            during = PROTOCOLS[1:] if values["train"]["evaluate_every"] > 0 else ()
            pairs = [(readout, "final") for readout in values["readouts"]]
            pairs += [(values["primary_readout"], protocol) for protocol in during]
            for cell in (cell for cell in evaluated if (cell.dataset, cell.algorithm) == (dataset, algorithm)):
                for readout, protocol in pairs:
                    status = (evaluated if protocol == "final" else trained)[cell]
                    rows.append((dataset, algorithm, readout, cell.seed, protocol, status))
    return pd.DataFrame(rows, columns=[*KEY, "status"])


def training_protocols(evaluations: pd.DataFrame) -> pd.DataFrame:
    """`last`, `best` and `mean10` of each cell and readout, from its evaluations during training.

    A cell with fewer than ten evaluations has no `mean10`.
    """
    groups = evaluations.sort_values("step", kind="stable").groupby([*CELL, "readout"], sort=False)
    last = groups.tail(1).assign(protocol="last")
    best = evaluations.loc[groups["return"].idxmax()].assign(protocol="best")
    tail = groups.tail(MEAN_OVER)
    enough = tail.groupby([*CELL, "readout"])["step"].transform("size") == MEAN_OVER
    mean = tail[enough].groupby([*CELL, "readout"], sort=False, as_index=False)
    mean10 = mean[MEASURES].mean().assign(protocol="mean10", episodes=mean["episodes"].sum()["episodes"])
    return pd.concat([last, best, mean10], ignore_index=True)
