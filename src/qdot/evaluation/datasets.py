"""A row per dataset: where it came from, what is in it, whether it is one of the paper's; and what others published."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd

from qdot.evaluation.records import reason_text
from qdot.manifests import find_manifest
from qdot.study import Study

FACTS = (
    "source",
    "url_or_recipe",
    "raw_file",
    "raw_bytes",
    "raw_sha256",
    "checksum",
    "licence",
    "environment",
    "reference_source",
    "transitions",
    "episodes",
    "observation_dim",
    "action_dim",
    "clipped_actions",
    "return_mean",
    "return_min",
    "return_max",
    "return_source",
    "episode_length_mean",
    "reward_min",
    "reward_max",
)
COLUMNS = ["dataset", "domain", "standing", "status", "reason", *FACTS, "reference_min", "reference_max", "digest"]
COLUMNS += ["warnings"]
PUBLISHED_COLUMNS = ["dataset", "quantity", "found", "published", "tolerance", "agrees", "source"]


def dataset_table(study: Study, paper: Collection[str]) -> pd.DataFrame:
    """Facts from each prepared dataset's manifest; params.yaml's values where it is not prepared.

    Args:
        study: The study.
        paper: Names of the paper's datasets. Any other is a `stand-in` where the project collects it itself, else
            `other`.
    """
    return pd.DataFrame([_row(study, dataset, paper) for dataset in study.datasets], columns=COLUMNS)


def _row(study: Study, dataset: str, paper: Collection[str]) -> dict[str, Any]:
    values = study.resolved(dataset, study.algorithms[0])
    planned = values["data"]
    found = find_manifest(study.data_dir(dataset) / "manifest.json")
    manifest = found or {"status": "not run", "reason": "data: not prepared yet"}
    facts = {key: manifest.get(key, planned.get(key)) for key in FACTS}
    if facts["raw_file"]:
        facts["raw_file"] = Path(facts["raw_file"]).name  # where it lies on one machine is no fact about the data
    low, high = planned.get("reference_scores") or (None, None)
    return {
        "dataset": dataset,
        "domain": values["domain"],
        "standing": standing(dataset, planned.get("source"), paper),
        "status": manifest["status"],
        "reason": reason_text(manifest.get("reason")),
        **facts,
        "reference_min": low,
        "reference_max": high,
        "digest": manifest.get("digest"),
        "warnings": "\n".join(manifest.get("warnings", [])) or None,
    }


def published_table(study: Study) -> pd.DataFrame:
    """A row per published statistic of each prepared dataset, beside the file's own; as its manifest has them."""
    rows = [
        {**entry, "dataset": dataset, "published": entry["value"]}
        for dataset in study.datasets
        for entry in (find_manifest(study.data_dir(dataset) / "manifest.json") or {}).get("published", [])
    ]
    return pd.DataFrame(rows, columns=PUBLISHED_COLUMNS)


def standing(dataset: str, source: str | None, paper: Collection[str]) -> str:
    """`paper`, `stand-in` (collected by this project) or `other`."""
    if dataset in paper:
        return "paper"
    return "stand-in" if source == "collect" else "other"
