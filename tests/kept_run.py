"""An invented run whose compare and report stages ended, as `qdot keep` and `qdot verify` find one."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from fake_study import fill, new_study

from qdot.evaluation.compare import compare
from qdot.provenance import hash_files, read_json, write_json, write_manifest
from qdot.recipes import table_inputs
from qdot.reporting.render import render
from qdot.stages import tables
from qdot.study import Study


def finished(
    root: Path, prepare: Callable[[Study], None] = fill, subset: Mapping[str, list[str]] | None = None
) -> Study:
    """Suite `tiny` with invented cells, transport studies, tables and report, which may call themselves a subset's."""
    study = new_study(root, "tiny")
    prepare(study)
    transport = study.transport_dir / "certificate.csv"
    transport.parent.mkdir(parents=True, exist_ok=True)
    transport.write_text("study,problem,map,dim,samples,seed,metric,value,threshold,passed,control,referee\n")
    files = hash_files(transport.parent, [transport.name])
    write_json(transport.parent / "manifest.json", {"status": "ok", "digest": "t" * 64, "files": files})
    for stage, make in (("compare", compare), ("report", render)):
        make(study)
        directory = study.compare_dir if stage == "compare" else study.report_dir
        recipe = {"stage": stage, "suite": study.suite, "subset": subset or {}, "digest": "r" * 64}
        tables._finish(directory, recipe, table_inputs(study, stage))
    return study


def edit(directory: Path, name: str, change: Callable[[pd.DataFrame], Any]) -> None:
    """Change a table of the compare stage, and let its manifest vouch for the new one."""
    frame = pd.read_csv(directory / name)
    change(frame).to_csv(directory / name, index=False)
    vouch(directory, name)


def vouch(directory: Path, name: str) -> None:
    """Let a folder's manifest record a file as it is now."""
    manifest = read_json(directory / "manifest.json")
    manifest["files"] |= hash_files(directory, [name])
    write_manifest(directory / "manifest.json", manifest)
