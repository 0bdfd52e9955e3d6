"""Columns that the report needs of each table."""

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
    "seed_list",
    "source",
    "others",
)
COLUMNS = {
    "scores": ["dataset", "algorithm", "readout", "seed", "protocol", "score", "episodes", "status"],
    "summary": ["dataset", "algorithm", "readout", "protocol", "metric", "value", "low", "high", "seeds", "episodes"],
    "facts": ["quantity", "value"],
    "states": ["dataset", "algorithm", "variants", "ok", "failed", "not_run"],
    "gaps": ["status", "dataset", "algorithm", "variants", "reason", "step", "term", "seed_list", "cells", "datasets"],
    "bounds": ["study", "bounds", "kept", "controls", "controls_missed"],
    "coverage": ["protocol", "dataset", "included", "missing"],
    "cells": ["dataset", "algorithm", "seed", "stage", "status", "reason", "step", "term", "digest", "log_tail"],
    "totals": ["dataset", "stage", "jobs", "hours", "longest_hours", "peak_memory_mb", "worker_peak_memory_mb"],
    "made_with": ["stage", "field", "value", "records"],
    "trajectories": ["dataset", "algorithm", "readout", "quantity", "step", "value", "low", "high", "seeds"],
    "evaluations": ["dataset", "algorithm", "readout", "seed", "step", "score", "return"],
    "moves": ["dataset", "algorithm", "displacement", "x", "y", "action_x", "action_y", "moved_x", "moved_y"],
    "moved_episodes": ["dataset", "algorithm", "return", "displacement"],
    "datasets": ["dataset", "domain", "standing", "status", "reason", "checksum", "licence", "environment"],
    "published_statistics": ["dataset", "quantity", "found", "published", "agrees", "source"],
    "replays": [
        *("dataset", "environment", "check", "n", "skipped", "median", "p90", "p99", "max", "joint_error"),
        *("tasks", "completed", "bounds", "verdict", "reason"),
    ],
    "external": ["dataset", "algorithm", "readout", "protocol", "source", "value", "low", "high", "seeds"],
    "values": ["dataset", "algorithm", "key", "value", "set_by"],
    "provenance": ["dataset", "algorithm", "seed", "stage", "field", "value"],
    "differences": [
        *("dataset", "algorithm", "readout", "other", "other_readout", "difference", "low", "high"),
        *("p", "p_holm", "seeds", "detectable", "datasets"),
    ],
    "strengths": [
        *("dataset", "algorithm", "readout", "kind", "variant", "transport_weight", "others"),
        *("value", "low", "high", "seeds"),
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
TEXT_VALUE = ("values", "provenance", "made_with")
