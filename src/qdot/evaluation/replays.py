"""A row per dataset: the replay of its recording in the environment that scores its policies, beside its bounds."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from qdot import replays
from qdot.evaluation.records import reason_text
from qdot.manifests import find_manifest
from qdot.replays import Bound
from qdot.study import Study

MEASURES = ("n", "skipped", "median", "p90", "p99", "max", "joint_error", "tasks", "completed", "same_step")
COLUMNS = ["dataset", "domain", "environment", "check", *MEASURES, "bounds", "verdict", "reason"]
WITHIN, BEYOND, NOT_POSSIBLE = "within", "beyond", "not possible"


def replay_table(study: Study) -> pd.DataFrame:
    """Numbers, bounds and verdict (`within`, `beyond`, `not possible`) of every dataset of the study."""
    return pd.DataFrame([_row(study, dataset) for dataset in study.datasets], columns=COLUMNS)


def _row(study: Study, dataset: str) -> dict[str, Any]:
    values = study.resolved(dataset, study.algorithms[0])
    environment = values["data"].get("environment")
    bounds = replays.bounds_of(study.root, values["domain"], environment)
    result, reason = _result(study, dataset, bounds)
    return {
        "dataset": dataset,
        "domain": values["domain"],
        "environment": environment,
        "check": result.get("check"),
        **{measure: result.get(measure) for measure in MEASURES},
        "bounds": "; ".join(f"{bound.measure} <= {bound.bound:g}" for bound in bounds) or None,
        "verdict": NOT_POSSIBLE if reason else judge(result, bounds),
        "reason": reason,
    }


def _result(study: Study, dataset: str, bounds: Sequence[Bound]) -> tuple[Mapping[str, Any], str | None]:
    """A dataset's numbers, or why there are none."""
    if not bounds:
        return {}, f"{replays.TABLE.name} has no bound for its domain and environment"
    folder = study.data_dir(dataset)
    found = find_manifest(folder / replays.FILE, *replays.NEEDED)
    manifest = find_manifest(folder / "manifest.json")
    if found is None:
        return {}, "data: not replayed yet"
    if found["status"] != "ok":
        return {}, reason_text(found.get("reason")) or "no reason recorded"
    if manifest is not None and manifest.get("raw_sha256") != found["raw_sha256"]:
        return {}, "the replay is of another raw file than the prepared dataset"
    result = found["replay"]
    lacking = [bound.measure for bound in bounds if not isinstance(result.get(bound.measure), int | float)]
    if lacking:
        return {}, f"{replays.FILE} lacks {', '.join(lacking)}: delete it to replay again"
    return result, None


def judge(result: Mapping[str, Any], bounds: Sequence[Bound]) -> str:
    """`within` where every bound holds, else `beyond`."""
    return WITHIN if all(result[bound.measure] <= bound.bound for bound in bounds) else BEYOND
