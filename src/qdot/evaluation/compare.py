"""The compare stage: from the cells of a study to its tables. Equal cells give equal bytes."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from qdot.evaluation import claims, history, moved, studies
from qdot.evaluation.costs import cost_table, total_table
from qdot.evaluation.datasets import dataset_table, published_table
from qdot.evaluation.diagnostics import diagnose
from qdot.evaluation.differences import difference_table
from qdot.evaluation.draws import Draws
from qdot.evaluation.evidence import Evidence
from qdot.evaluation.external import external_table
from qdot.evaluation.gather import CELL, Gathered, gather
from qdot.evaluation.judge import Judge
from qdot.evaluation.pooled import Pooled
from qdot.evaluation.profiles import profile_table
from qdot.evaluation.replays import replay_table
from qdot.evaluation.scoreboard import score_tables
from qdot.evaluation.strengths import strength_table
from qdot.evaluation.summary import Board, Primary, Settings, coverage_table, summary_table
from qdot.evaluation.supplement import supplement_table
from qdot.evaluation.tallies import bound_table, fact_table, gap_table, made_with, state_table
from qdot.evaluation.trajectories import trajectory_table
from qdot.evaluation.tuning import Bandit, tuning_table
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
    settings, bandit = _settings(study.params["compare"])
    primary = primary_readouts(study)
    gathered = gather(study)
    scores, returns = score_tables(study, gathered)
    draws = Draws.of(study)
    board = Board(scores, content["protocol"], primary, draws)
    pooled = Pooled(board, draws)
    counted = claims.paper_datasets(content) | set(content["stand_ins"])
    summary = summary_table(scores, returns, primary, draws, settings)
    costs = cost_table(study, gathered.provenance)
    evidence = _evidence(study, gathered, pooled, settings)
    rules = history.History(study.root, claims.CLAIMS)
    judge = Judge(study, content, evidence, rules, history.runs(gathered.provenance))
    judged = {section: judge.judge_all(section) for section in claims.SECTIONS}
    tables = {
        "scores": scores,
        "returns": returns,
        "summary": summary,
        "strengths": strength_table(study, summary),
        "coverage": coverage_table(scores, primary),
        "differences": difference_table(
            pooled, content["differences"], content["readout_differences"], counted, settings
        ),
        "profiles": profile_table(board, settings),
        "tuning": tuning_table(study, gathered.episodes, bandit, settings),
        "supplement": supplement_table(gathered.dataset_episodes, content["minimum_episodes"], settings),
        **diagnose(study, settings.confidence)._asdict(),
        "cells": gathered.cells,
        "facts": fact_table(study, content, gathered.cells, judged),
        "states": state_table(study, gathered.cells),
        "gaps": gap_table(study, gathered.cells),
        "bounds": bound_table(evidence.transport.tables),
        "costs": costs,
        "totals": total_table(costs),
        **moved.tables(gathered),
        "evaluations": gathered.evaluations,
        "curves": gathered.curves,
        "trajectories": trajectory_table(gathered, settings.confidence),
        "datasets": dataset_table(study, claims.paper_datasets(content)),
        "published_statistics": published_table(study),
        "replays": replay_table(study),
        "external": external_table(study, settings.confidence),
        "values": value_table(study),
        "provenance": gathered.provenance,
        "made_with": made_with(gathered.provenance),
    }
    for name, table in tables.items():
        write_csv(study.compare_dir / f"{name}.csv", table)
    for section, entries in judged.items():
        write_json(study.compare_dir / f"{section}.json", entries)
    write_json(study.compare_dir / "metrics.json", metrics(scores, study.params["compare"]["headline"]))


def primary_readouts(study: Study) -> Primary:
    """Primary readout by (dataset, algorithm)."""
    pairs = [(dataset, algorithm) for dataset in study.datasets for algorithm in study.algorithms]
    return {pair: study.resolved(*pair)["primary_readout"] for pair in pairs}


def metrics(scores: pd.DataFrame, protocol: str) -> Metrics:
    """Mean score of one protocol by dataset, algorithm and readout; what has no score is left out."""
    rows = scores[(scores["protocol"] == protocol) & scores["score"].notna()]
    nested: Metrics = {}
    for (dataset, algorithm, readout), group in groups(rows, "dataset", "algorithm", "readout"):
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


def _settings(section: Mapping[str, Any]) -> tuple[Settings, Bandit]:
    """How intervals are made and how a sweep is played: section `compare` of params.yaml."""
    bandit = Bandit(section["tuning_exploration"], section["tuning_draws"], section["tuning_episodes"])
    return Settings(section["confidence"], section["bootstrap_samples"], section["bootstrap_seed"]), bandit


def _evidence(study: Study, gathered: Gathered, board: Pooled, settings: Settings) -> Evidence:
    """What the claims are judged from: only cells that trained to the end."""
    trained = gathered.cells[(gathered.cells["stage"] == "train") & (gathered.cells["status"] == "ok")][CELL]
    return Evidence(
        board=board,
        evaluations=gathered.evaluations.merge(trained),
        curves=gathered.curves.merge(trained),
        rates=_rates(gathered.provenance.merge(trained)),
        dataset_episodes=gathered.dataset_episodes,
        transport=studies.read(study),
        settings=settings,
    )


def _rates(provenance: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Seed-steps per second of each (dataset, algorithm); seeds trained apart are averaged."""
    rows = provenance[provenance["field"] == "runtime.seed_steps_per_second"]
    return {
        (dataset, algorithm): float(found["value"].astype(float).mean())
        for (dataset, algorithm), found in groups(rows, "dataset", "algorithm")
    }
