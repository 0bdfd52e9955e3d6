"""How long a large suite takes to plan: `python benchmarks/scale/plan.py [--datasets 20] [--variants 50] [--seeds 10]`.

Nothing is trained: Snakemake reads the rules, makes the graph of jobs and prints it (`-n`), in a copy of this checkout
with one suite more. Once with no result there, and once with a manifest for every cell, as if all had been done.
"""

import argparse
import json
import math
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import table

from qdot import params, recipes, replays, rollouts
from qdot.manifests import find_manifest
from qdot.provenance import sha256_file, write_json, write_manifest
from qdot.study import Cell, Study

TOP = Path(__file__).parents[2]
COLUMNS = (
    "results",
    "datasets",
    "variants",
    "seeds",
    "cells",
    "jobs",
    "seconds",
    "cpu_seconds",
    "peak_mib",
    "load",
    "device",
    "date",
)
SUITE = "scale"
FILES = {  # that a stage leaves, beside its manifest
    "train": ["policy.safetensors", "curve.csv", "evaluations.csv", "runtime.json"],
    "evaluate": ["episodes.csv", "evaluations.csv", "diagnostics.csv", "runtime.json"],
    "compare": ["scores.csv", "summary.csv", "claims.json", "metrics.json"],
    "report": ["index.html"],
}
PARTS = ("Snakefile", "params.yaml", "profiles", "src", "workflow", "reports", "docs/deviations.md")


def suite_of(datasets: int, variants: int, seeds: int) -> dict[str, Any]:
    """A suite of datasets x variants x seeds, of the datasets that params.yaml has, and of `bc` and Q-DOT's strengths.

    Raises:
        ValueError: params.yaml has fewer datasets.
    """
    known = list(params.load(TOP)["datasets"])
    if datasets > len(known):
        raise ValueError(f"found {datasets} datasets, expected at most the {len(known)} of params.yaml")
    strengths = [round(0.1 * (index + 1), 1) for index in range(variants - 1)]
    return {
        "datasets": known[:datasets],
        "algorithms": ["bc"],
        "grid": [{"of": "qdot", "transport_weight": strengths}],
        "seeds": list(range(seeds)),
        "transport": {"studies": []},
    }


def copy(top: Path, suite: dict[str, Any]) -> None:
    """What the rules read of this checkout, with a suite more in its params.yaml."""
    for name in PARTS:
        source, target = TOP / name, top / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "build"))
        else:
            shutil.copy(source, target)
    path = top / "params.yaml"
    before, found, after = path.read_text(encoding="utf-8").partition("\nsuites:\n")
    path.write_text(f"{before}{found}  {SUITE}: {json.dumps(suite)}\n{after}", encoding="utf-8")


def finish(study: Study) -> None:
    """Write what a finished suite has, each file a few bytes."""
    arrays = {}
    for dataset in study.datasets:
        recipe, folder = recipes.data_recipe(study, dataset), study.data_dir(dataset)
        arrays[dataset] = _write(folder, recipe["digest"], ["arrays.safetensors"], raw_file="raw", raw_sha256="0" * 64)
    for dataset in study.replayed:
        recipe, folder = recipes.replay_recipe(study, dataset), study.data_dir(dataset)
        manifest = find_manifest(folder / "manifest.json")
        reason = replays.obstacle(study.places, recipe["environment"], manifest)
        write_json(folder / replays.FILE, {"status": "not run", "reason": reason})
    policies: dict[Cell, str] = {}
    for recipe in sorted(recipes.cell_recipes(study), key=lambda recipe: recipe["stage"] != "train"):  # as they run
        for seed in study.seeds:
            cell, stage = Cell(recipe["dataset"], recipe["algorithm"], seed), recipe["stage"]
            source = arrays[cell.dataset] if stage == "train" else policies[cell]
            values = {"inputs": {"source": source}, "params": recipe["params"]}
            digest = recipes.seed_digest(recipe["digest"], seed)
            policies[cell] = _write(study.cell_dir(stage, cell), digest, FILES[stage], **values)
    for dataset in recipes.rollout_datasets(study):
        recipe = recipes.rollouts_recipe(study, dataset)
        _write(Path(recipe["folder"]), recipe["digest"], [], inputs=rollouts.sources(recipe))
    _write(study.transport_dir, recipes.transport_recipe(study)["digest"], [])
    for stage, folder in (("compare", study.compare_dir), ("report", study.report_dir)):
        inputs = recipes.table_inputs(study, stage)
        _write(folder, recipes.table_recipe(study, stage)["digest"], FILES[stage], inputs=inputs)


def _write(folder: Path, digest: str, names: list[str], **more: Any) -> str:
    """Small files and the manifest that vouches for them, as a stage leaves them; returns the first file's SHA-256."""
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text(f"{name} {digest}")
    files = {name: sha256_file(folder / name) for name in names}
    manifest = {"status": "ok", "digest": digest, "files": files, **more}
    write_manifest(folder / "manifest.json", manifest, durable=False)
    return next(iter(files.values()), "")


def plan(top: Path) -> dict[str, str]:
    """What a dry run takes, and how many jobs it would do.

    Raises:
        RuntimeError: it failed.
    """
    command = ["workflow/run", "-n", "--cores", "2", "--config", f"suite={SUITE}"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {"PATH": path}
    before, start = os.times(), time.perf_counter()
    done = subprocess.run(command, cwd=top, env=environment, check=False, capture_output=True, text=True)
    seconds, after = time.perf_counter() - start, os.times()
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: status {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return {
        "jobs": str(sum(jobs_of(done.stdout + done.stderr).values())),
        "seconds": f"{seconds:.1f}",
        "cpu_seconds": f"{cpu:.1f}",
        "peak_mib": f"{resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f}",  # KiB, on Linux
    }


def jobs_of(printed: str) -> dict[str, int]:
    """Number of jobs by rule, from the first table that Snakemake prints; none where nothing is to be done."""
    found = re.search(r"^job +count\n-+ +-+\n(.*?)^total +\d+$", printed, re.MULTILINE | re.DOTALL)
    return {name: int(count) for name, count in map(str.split, found.group(1).splitlines())} if found else {}


def main() -> int:
    """Copy, plan, finish, plan again; print and keep both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=int, default=20)
    parser.add_argument("--variants", type=int, default=50, help="per dataset")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("plan.csv"))
    chosen = parser.parse_args()
    out, shape = chosen.out.resolve(), (chosen.datasets, chosen.variants, chosen.seeds)
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        copy(top, suite_of(*shape))
        os.chdir(top)
        for results in ("none", "all"):
            if results == "all":
                finish(Study.from_config(params.load(), SUITE))
            load, planned = f"{os.getloadavg()[0]:.1f}", plan(top)
            row = {"results": results, "datasets": shape[0], "variants": shape[1], "seeds": shape[2]}
            row |= {"cells": math.prod(shape), **planned, "load": load, "device": table.device(), "date": table.today()}
            print(row, flush=True)
            kept = [old for old in table.read(out) if any(str(row[key]) != old[key] for key in COLUMNS[:5])]
            table.write(out, COLUMNS, [*kept, row])
        os.chdir(TOP)
    return 0


if __name__ == "__main__":
    sys.exit(main())
