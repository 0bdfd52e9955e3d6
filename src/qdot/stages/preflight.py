"""`qdot preflight`: before the first job, what will run, what it needs, about how long, and what is missing."""

import logging
import shutil
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qdot import gpus, provenance
from qdot.envs.registry import is_available
from qdot.machine import memory_mb, training_threads
from qdot.manifests import find_manifest
from qdot.places import DEFAULTS, Places
from qdot.recipes import seed_digest
from qdot.stages.estimate import Estimate
from qdot.study import slug

log = logging.getLogger("qdot")
CHECKPOINT_BYTES = 8_000_000  # policy, optimiser state and curves of one cell, rounded up
UNKNOWN_BYTES = 250_000_000  # a D4RL file whose size is not recorded
SHORT = 20_000  # seed-steps below which no estimate is worth a probe
GIB = 2**30


def run(paths: list[Path], cores: int) -> int:
    """Print the plan of the jobs whose recipes are given.

    Args:
        paths: Recipes of the due jobs.
        cores: Cores that Snakemake may use.

    Returns:
        1 where a disk is too small, else 0.
    """
    recipes = [provenance.read_json(path) for path in paths]
    by_stage = {stage: [r for r in recipes if r["stage"] == stage] for stage in ("data", "train", "evaluate")}
    for job in by_stage["train"] + by_stage["evaluate"]:
        job["seeds"] = [seed for seed in job["seeds"] if not _done(job, seed)]
    counts = {"datasets": len(by_stage["data"])}
    counts |= {f"cells to {stage}": _cells(by_stage[stage]) for stage in ("train", "evaluate")}
    log.info("to do: %s", ", ".join(f"{count} {what}" for what, count in counts.items()))
    downloads = _downloads(by_stage["data"])
    places = Places.of(recipes[0]["places"] if recipes else DEFAULTS)
    lacking = _lacking(places, downloads, CHECKPOINT_BYTES * _cells(by_stage["train"]))
    log.info("machine: %d cores, %.0f GiB memory, %s", cores, memory_mb() / 1024, _device())
    _missing(by_stage["train"])
    for where, amount in lacking:
        text = "stopped: free %.2f GiB more for %s, or take fewer datasets (--config dataset=...)"
        log.error(text, amount / GIB, where)
    if lacking:
        return 1
    log.info("%s", time_of(by_stage["train"] + by_stage["evaluate"], cores))
    return 0


def _done(job: Mapping[str, Any], seed: int) -> bool:
    """Whether a cell is finished: its job runs for another seed's sake, or only looks."""
    suite = Places.of(job["places"]).results / job["suite"]
    folder = suite / job["stage"] / slug(job["dataset"]) / job["algorithm"] / f"seed{seed}"
    manifest = find_manifest(folder / "manifest.json", "digest") or {}
    return manifest.get("status") == "ok" and manifest["digest"] == seed_digest(job["digest"], seed)


def _lacking(places: Places, downloads: int, checkpoints: int) -> list[tuple[str, int]]:
    """Print what each disk needs and has; what lies in the project counts twice, for DVC's cache.

    Returns:
        Places on a disk that is too small, and the bytes that it lacks.
    """
    disks: dict[int, list[tuple[str, Path, int]]] = defaultdict(list)
    for name, size in (("raw", downloads), ("prepared", 2 * downloads), ("results", checkpoints)):
        folder = Path(getattr(places, name)).resolve()
        there = next(path for path in (folder, *folder.parents) if path.exists())
        copies = 2 if folder.is_relative_to(Path().resolve()) else 1
        disks[there.stat().st_dev].append((name, there, copies * size))
    lacking = []
    for parts in disks.values():
        where, needed = ", ".join(name for name, _, _ in parts), sum(size for _, _, size in parts)
        free = shutil.disk_usage(parts[0][1]).free
        log.info("disk of %s: %.2f GiB needed with DVC's cache, %.1f GiB free", where, needed / GIB, free / GIB)
        lacking += [(where, needed - free)] if needed > free else []
    return lacking


def _cells(jobs: list[dict[str, Any]]) -> int:
    return sum(len(job["seeds"]) for job in jobs)


def _device() -> str:
    count = len(gpus.devices())
    return f"{count} GPU{'s' if count > 1 else ''}" if count else "no GPU: training runs on the cores"


def _downloads(jobs: list[dict[str, Any]]) -> int:
    """Print and add up what will be fetched, in bytes."""
    total = 0
    for job in jobs:
        if job["values"]["source"] == "d4rl":
            size = job["bytes"] or UNKNOWN_BYTES
            total += size
            text = "to fetch, unless %s or a local mirror has it: %s, %.1f MB"
            log.info(text, job["places"]["raw"], job["dataset"], size / 1e6)
    return total


def _missing(jobs: list[dict[str, Any]]) -> None:
    """Name environments that are not there: their cells train, and are not scored."""
    names = {job["params"]["data"].get("environment") for job in jobs} - {None}
    for name in sorted(names):
        available, reason = is_available(name)
        if not available:
            log.warning("not scored: %s", reason)


def time_of(jobs: list[dict[str, Any]], cores: int) -> str:
    """About how long training and evaluation of the jobs' seeds take, from a few measured steps; a sentence."""
    work = sum(job["params"]["train"]["steps"] * len(job["seeds"]) for job in jobs if job["stage"] == "train")
    if work < SHORT:
        return f"training: {work} seed-steps in all, no estimate needed"
    trained = [job for job in jobs if job["stage"] == "train" and job["seeds"]]
    datasets = len({job["dataset"] for job in trained})
    each = max(job["params"]["train"]["threads"] for job in trained)
    processes = training_threads(cores, datasets, len(trained) // datasets, each) // each
    estimate = Estimate(processes)
    for job in jobs:
        try:
            estimate.add(job)
        except Exception as error:  # noqa: BLE001 - the job itself will say what is wrong; an estimate must not stop it
            return f"no estimate: {job['algorithm']} on {job['dataset']}: {error}"
    side_by_side = gpus.places() or max(1, min(cores // each, datasets * processes))
    training, evaluation = estimate.training / side_by_side, estimate.evaluation / cores
    return (
        f"time: about {_duration(training + evaluation)}, of it training {_duration(training)} ({work} seed-steps) and "
        f"evaluation {_duration(evaluation)}; by a few measured steps, data and transport studies not counted"
    )


def _duration(seconds: float) -> str:
    """`14 minutes`, `3.2 hours`."""
    return f"{seconds / 3600:.1f} hours" if seconds > 5400 else f"{max(1, round(seconds / 60))} minutes"
