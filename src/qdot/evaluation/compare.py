"""The compare stage: from the cells of a study to its tables. Equal cells give equal bytes."""

import pandas as pd

from qdot.evaluation import claims
from qdot.evaluation.datasets import dataset_table
from qdot.evaluation.gather import CELL, Gathered, gather
from qdot.evaluation.quantities import Evidence
from qdot.evaluation.scoreboard import score_tables
from qdot.evaluation.summary import Board, Primary, Settings, coverage_table, summary_table
from qdot.evaluation.trajectories import trajectory_table
from qdot.frames import groups, write_csv
from qdot.params import resolve
from qdot.provenance import write_json
from qdot.study import Study

Metrics = dict[str, dict[str, dict[str, float]]]


def compare(study: Study) -> None:
    """Write every table of the study to `study.compare_dir`.

    Raises:
        ResultsError: a result file is missing or damaged, or the folder cannot be written.
    """
    content = claims.load(study.root)
    settings = Settings(**study.params["compare"])
    primary = primary_readouts(study)
    gathered = gather(study)
    scores, returns = score_tables(study, gathered)
    evidence = _evidence(gathered, Board(scores, content["protocol"], primary), settings)
    tables = {
        "scores": scores,
        "returns": returns,
        "summary": summary_table(scores, returns, primary, settings),
        "coverage": coverage_table(scores, primary),
        "cells": gathered.cells,
        "evaluations": gathered.evaluations,
        "curves": gathered.curves,
        "trajectories": trajectory_table(gathered, settings.confidence),
        "datasets": dataset_table(study, claims.paper_datasets(content)),
        "values": value_table(study),
        "provenance": gathered.provenance,
    }
    for name, table in tables.items():
        write_csv(study.compare_dir / f"{name}.csv", table)
    write_json(study.compare_dir / "claims.json", claims.judge_all(study, content, evidence))
    write_json(study.compare_dir / "metrics.json", metrics(scores))


def primary_readouts(study: Study) -> Primary:
    """Primary readout by (dataset, algorithm)."""
    pairs = [(dataset, algorithm) for dataset in study.datasets for algorithm in study.algorithms]
    return {pair: study.resolved(*pair)["primary_readout"] for pair in pairs}


def metrics(scores: pd.DataFrame) -> Metrics:
    """Mean final score by dataset, algorithm and readout; what has no score is left out."""
    final = scores[(scores["protocol"] == "final") & scores["score"].notna()]
    nested: Metrics = {}
    for (dataset, algorithm, readout), group in groups(final, "dataset", "algorithm", "readout"):
        nested.setdefault(dataset, {}).setdefault(algorithm, {})[readout] = round(float(group["score"].mean()), 6)
    return nested


def value_table(study: Study) -> pd.DataFrame:
    """Resolved values of every (dataset, algorithm), and the level of params.yaml that set each."""
    rows = []
    for dataset in study.datasets:
        for algorithm in study.algorithms:
            resolved = resolve(study.params, study.suite, dataset, algorithm)
            for key, level in sorted(resolved.sources.items()):
                section, _, name = key.partition(".")
                rows.append((dataset, algorithm, key, str(resolved.values[section][name]), level))
    return pd.DataFrame(rows, columns=["dataset", "algorithm", "key", "value", "set_by"])


def _evidence(gathered: Gathered, board: Board, settings: Settings) -> Evidence:
    """What the claims are judged from: only cells that trained to the end."""
    trained = gathered.cells[(gathered.cells["stage"] == "train") & (gathered.cells["status"] == "ok")][CELL]
    return Evidence(
        board=board,
        evaluations=gathered.evaluations.merge(trained),
        curves=gathered.curves.merge(trained),
        rates=_rates(gathered.provenance.merge(trained)),
        settings=settings,
    )


def _rates(provenance: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Seed-steps per second of each (dataset, algorithm); seeds trained apart are averaged."""
    rows = provenance[provenance["field"] == "runtime.seed_steps_per_second"]
    return {
        (dataset, algorithm): float(found["value"].astype(float).mean())
        for (dataset, algorithm), found in groups(rows, "dataset", "algorithm")
    }
