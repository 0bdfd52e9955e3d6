"""The card of a trained policy: Markdown with the metadata block that the Hugging Face Hub reads."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from qdot.errors import ResultsError
from qdot.frames import read_csv
from qdot.manifests import find_manifest, find_record
from qdot.provenance import first_line
from qdot.reporting.render import TEMPLATES, environment
from qdot.study import Cell, Study

ORIGIN = (
    "An independent implementation of Q-DOT (Omura, Mukuta, Ota, Osa, Harada; RLC 2025, arXiv 2507.10843) and of its "
    "baselines; not by its authors."
)


def card(study: Study, cell: Cell, description: Mapping[str, Any]) -> str:
    """The card of a cell.

    Args:
        study: Its suite.
        cell: The cell.
        description: What its policy file says of itself.

    Raises:
        ResultsError: the cell is not trained.
    """
    folder = study.cell_dir("train", cell)
    manifest = find_manifest(folder / "manifest.json", "params", "code", "digest", "versions")
    if manifest is None or manifest["status"] != "ok":
        found = "no manifest" if manifest is None else manifest["status"]
        raise ResultsError(f"{folder}: {found}; expected a trained cell: `snakemake train_all` makes them")
    runtime = find_record(folder / "runtime.json")
    values, results = manifest["params"], _results(study.cell_dir("evaluate", cell))
    name = f"{cell.algorithm}-{cell.dataset}-seed{cell.seed}"
    evaluated = find_manifest(study.cell_dir("evaluate", cell) / "manifest.json") or {}
    text = (
        environment(study.root / TEMPLATES)
        .get_template("card.md")
        .render(
            metadata=_yaml(_metadata(name, cell, values, results)),
            name=name,
            **cell._asdict(),
            suite=study.suite,
            origin=ORIGIN,
            results=results,
            reason=first_line(evaluated.get("reason")),
            environment=_played(evaluated),
            **{key: description[key] for key in ("step", "observation_dim", "action_dim")},
            readout=values["primary_readout"],
            readouts=values["readouts"],
            source=values["data"]["source"],
            licence=values["data"]["licence"],
            reward=values["train"]["reward"],
            commit=(runtime.get("git_commit") or "unknown")[:12],
            dirty=runtime.get("git_dirty"),
            code=manifest["code"],
            digest=manifest["digest"],
            packages=", ".join(f"{package} {version}" for package, version in manifest["versions"].items()),
            **{key: runtime.get(key, "unknown") for key in ("device", "processors", "finished")},
            values=_yaml({"train": values["train"], "algorithm": values["algorithm_values"]}),
        )
    )
    return text


def _metadata(name: str, cell: Cell, values: Mapping[str, Any], results: list[Mapping[str, Any]]) -> dict[str, Any]:
    """The block that the Hub reads; its `model-index` has the primary readout's mean return."""
    block: dict[str, Any] = {
        "library_name": "qdot",
        "license": "mit",
        "pipeline_tag": "reinforcement-learning",
        "tags": ["offline-reinforcement-learning", "reinforcement-learning", cell.algorithm, cell.dataset],
    }
    primary = next((row for row in results if row["readout"] == values["primary_readout"]), None)
    if primary is None:
        return block
    reward = f"{primary['mean']:.2f} +/- {primary['deviation']:.2f}"
    metric = {"type": "mean_reward", "name": f"readout {primary['readout']}", "value": reward, "verified": False}
    task = {"type": "reinforcement-learning", "name": "offline reinforcement learning"}
    place = values["data"]["environment"]
    found = {"task": task, "dataset": {"name": place, "type": place}, "metrics": [metric]}
    return block | {"model-index": [{"name": name, "results": [found]}]}


def _results(folder: Path) -> list[Mapping[str, Any]]:
    """Mean and spread of the final episodes by readout; none where the cell was not evaluated."""
    path = folder / "episodes.csv"
    if not path.exists():
        return []
    episodes = read_csv(path, ["readout", "return", "score"], text=["readout"])
    rows: list[Mapping[str, Any]] = []
    for readout, group in episodes.groupby("readout", sort=False):
        returns, score = group["return"], group["score"].mean()
        row = {"readout": readout, "episodes": len(group), "mean": returns.mean(), "deviation": returns.std(ddof=1)}
        rows.append(row | {"score": None if pd.isna(score) else score})
    return rows


def _played(evaluated: Mapping[str, Any]) -> str:
    """Where the episodes were played."""
    place = evaluated.get("environment")
    return f"Played in `{place['id']}`, {place['simulator']}." if place else ""


def _yaml(values: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True)
