"""Builds a results tree of invented numbers, for tests of what reads one. Nothing here was ever trained."""

import csv
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from qdot import params, rollouts
from qdot.provenance import hash_files, read_json, write_json
from qdot.study import Cell, Study, slug

TOP = Path(__file__).parents[1]
NEEDED = ("params.yaml", "workflow/schemas", "workflow/resources", "reports/templates", "docs/deviations.md")
COLUMNS = ["dataset", "algorithm", "seed", "readout", "step", "episode", "return", "length", "success", "score"]
MEANS = {"qdot": 62.0, "iql": 55.0, "bc": 41.0, "bc10": 47.0, "td3_bc": 50.0, "no_icnn": 58.0, "adversarial": 40.0}
MAPS = ("qdot", "no_icnn", "adversarial_map")  # methods with a map, whose curves hold its diagnostics
Score = Callable[[Cell, str], float]
Stages = tuple[str, ...]


def new_study(root: Path, suite: str, **config: Any) -> Study:
    """A study on a copy of this checkout's params.yaml and resources; no cell exists yet."""
    for name in NEEDED:
        source, target = TOP / name, root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        elif source.is_file():
            shutil.copy(source, target)
    return Study.from_config({**params.load(root), **config}, suite, root)


def fill(study: Study, algorithms: tuple[str, ...] = ("qdot", "iql", "bc"), score: Score | None = None) -> None:
    """Write every dataset, and an `ok` cell of every seed of these algorithms."""
    for dataset in study.datasets:
        write_data(study, dataset)
    for dataset in study.replayed:
        write_replay(study, dataset)
    for cell in study.cells():
        if cell.algorithm in algorithms:
            write_cell(study, cell, score or invented)


def invented(cell: Cell, readout: str) -> float:
    """A mean score that depends on the names alone."""
    extra = {"map": 0.0, "distill": -3.0, "best_of_n": 2.0}.get(readout, 0.0)
    return MEANS.get(cell.algorithm, 45.0) + extra + 3.0 * np.sin(7 * cell.seed + len(cell.dataset))


def write_rollouts(study: Study, algorithms: tuple[str, ...] = ("qdot", "bc"), pixels: int = 32) -> None:
    """Rollouts of every dataset: paths where the domain has a plane, otherwise noise as an animation; bc's lack it."""
    for dataset in study.datasets:
        generator, folder = np.random.default_rng(len(dataset)), study.stage_dir("rollouts") / slug(dataset)
        rows: list[tuple[Any, ...]] = []
        points: list[tuple[Any, ...]] = []
        files = ["rollouts.csv"]
        plane = bool(study.resolved(dataset, algorithms[0])["evaluate"]["position"])
        folder.mkdir(parents=True, exist_ok=True)
        for algorithm in algorithms:
            names, readout = (dataset, algorithm, study.seeds[0]), study.resolved(dataset, algorithm)["primary_readout"]
            if plane:
                rows += [(*names, readout, k, 100.5 + k, 300, k % 2, 300, "", "", "", "", "") for k in range(3)]
                points += [(*names, k, 10 * step, *generator.normal(size=2)) for k in range(3) for step in range(31)]
            elif algorithm == "bc":
                rows.append((*names, readout, 0, -1234.5, 1000, "", "", "", "", "", "", "egl: no <display>"))
            else:
                frames = [Image.fromarray(generator.integers(0, 255, (pixels, pixels, 3), np.uint8)) for _ in range(5)]
                made = (f"{algorithm}.webp", f"{algorithm}-still.webp")
                frames[0].save(folder / made[0], save_all=True, append_images=frames[1:], duration=100, loop=0)
                frames[2].save(folder / made[1])
                files += made
                rows.append((*names, readout, 0, 4321.25, 1000, "", 100, 5, 0.5, *made, ""))
        _write_rows(folder / "rollouts.csv", rollouts.COLUMNS, rows)
        if plane:
            _write_rows(folder / "paths.csv", rollouts.PATH_COLUMNS, points)
            _write_rows(folder / "walls.csv", rollouts.WALL_COLUMNS, [(2.0, 0.0, 0.5, 1.5), (-2.0, 0.0, 0.5, 1.5)])
            files += ["paths.csv", "walls.csv"]
        manifest = {
            "status": "ok",
            "reason": None,
            "digest": "w" * 64,
            "inputs": {},
            "files": hash_files(folder, files),
        }
        write_json(folder / "manifest.json", manifest)


def write_data(study: Study, dataset: str, **changes: Any) -> None:
    """A prepared dataset's manifest."""
    values = study.resolved(dataset, study.algorithms[0])["data"]
    found = {"schema": 1, "dataset": dataset, "status": "ok", "reason": None, "digest": "d" * 64, "files": {}}
    found |= {"source": values["source"], "url_or_recipe": values.get("recipe", "http://host.invalid/file.hdf5")}
    found |= {"raw_file": f"{dataset}.hdf5", "raw_bytes": 123456789, "raw_sha256": "a" * 64, "checksum": "verified"}
    found |= {"transitions": 100000, "episodes": 334, "observation_dim": 4, "action_dim": 2, "clipped_actions": 17}
    found |= {"return_mean": 20.5, "return_min": -3.25, "return_max": 212.0, "episode_length_mean": 299.4}
    found |= {"reward_min": 0.0, "reward_max": 1.0, "licence": values["licence"], "environment": values["environment"]}
    write_json(study.data_dir(dataset) / "manifest.json", found | changes)


def write_replay(study: Study, dataset: str, **changes: Any) -> None:
    """The replay of a prepared dataset, within every bound."""
    found = {"check": "one_step", "n": 1900, "skipped": 100, "median": 3e-7, "p90": 8e-7, "p99": 2e-6, "max": 5e-6}
    if "kitchen" in dataset:
        found = {"check": "episodes", "n": 1891, "skipped": 9, "tasks": 36, "completed": 36, "same_step": 33}
        found |= {"joint_error": 0.005}
    result = {"schema": 1, "stage": "replay", "dataset": dataset, "status": "ok", "reason": None, "digest": "e" * 64}
    result |= {"raw_sha256": "a" * 64, "rows": 2000, "replay": found}
    write_json(study.data_dir(dataset) / "replay.json", result | changes)


def write_cell(study: Study, cell: Cell, score: Score) -> None:
    """Both stages of a cell that is ok."""
    values = study.resolved(cell.dataset, cell.algorithm)
    generator = np.random.default_rng([cell.seed, len(cell.dataset), len(cell.algorithm)])
    primary, steps = values["primary_readout"], values["train"]["steps"]
    every = max(values["train"]["evaluate_every"], steps // 20)
    rows = [
        row
        for step in range(every, steps + 1, every)
        for row in _episodes(values, score(cell, primary) * min(1.0, 2 * step / steps), primary, step, 2, generator)
    ]
    directory = study.cell_dir("train", cell)
    _write_csv(directory / "evaluations.csv", COLUMNS, cell, rows)
    _write_csv(directory / "curve.csv", None, cell, list(_curve(values, steps, generator)))
    runtime = {"seconds": 61.5, "seed_steps_per_second": 900.0 if cell.algorithm == "qdot" else 2000.0, "device": "cpu"}
    runtime |= {"git_commit": "0123456789abcdef", "git_dirty": False, "host": "x86_64 Linux", "peak_memory_mb": 512}
    runtime |= {"finished": "2025-01-02T03:04:05Z", "processors": 2, "python": "3.11.2"}
    _finish(study, cell, "train", ("curve.csv", "evaluations.csv"), runtime)
    final = [
        row
        for readout in values["readouts"]
        for row in _episodes(values, score(cell, readout), readout, steps, values["evaluate"]["episodes"], generator)
    ]
    _write_csv(study.cell_dir("evaluate", cell) / "episodes.csv", COLUMNS, cell, final)
    files = ["episodes.csv"]
    if values["method"] in MAPS:
        _write_csv(study.cell_dir("evaluate", cell) / "moves.csv", None, cell, list(_moves(values, cell, generator)))
        files.append("moves.csv")
    environment = {"id": values["data"]["environment"], "simulator": "mujoco 3.3.7", "horizon": 280}
    _finish(study, cell, "evaluate", tuple(files), {"seconds": 9.5}, environment=environment)


def vouch(directory: Path) -> None:
    """Let a cell's manifest record its files as they are now."""
    manifest = read_json(directory / "manifest.json")
    write_json(directory / "manifest.json", manifest | {"files": hash_files(directory, manifest["files"])})


def write_status(
    study: Study, cell: Cell, status: str, reason: Any, stages: tuple[str, ...] = ("train", "evaluate")
) -> None:
    """Manifests of a cell that failed or was not run; its tables are removed."""
    for stage in stages:
        shutil.rmtree(study.cell_dir(stage, cell), ignore_errors=True)
        _finish(study, cell, stage, (), {}, status=status, reason=reason)


def _finish(
    study: Study, cell: Cell, stage: str, files: tuple[str, ...], runtime: Mapping[str, Any], **more: Any
) -> None:
    directory = study.cell_dir(stage, cell)
    manifest = {"schema": 1, "stage": stage, "suite": study.suite, **cell._asdict(), "status": "ok", "reason": None}
    manifest |= {
        "digest": f"{stage[0]}{cell.seed}" * 32,
        "code": "c" * 64,
        "versions": {"torch": "2.13.0", "numpy": "2.4.6"},
    }
    manifest |= {"params": study.resolved(cell.dataset, cell.algorithm), "files": hash_files(directory, files)}
    write_json(directory / "manifest.json", manifest | more)
    write_json(directory / "runtime.json", dict(runtime))


def _episodes(
    values: Mapping[str, Any], score: float, readout: str, step: int, count: int, generator: np.random.Generator
) -> list[dict[str, Any]]:
    """Episodes whose mean score is `score` exactly."""
    noise = generator.normal(0, 8, count)
    low, high = values["data"].get("reference_scores") or (0.0, 100.0)
    known = values["data"].get("reference_scores") is not None
    return [
        {
            **{"readout": readout, "step": step, "episode": episode, "length": 280, "success": point > 50},
            **{"return": repr(low + (high - low) * point / 100), "score": repr(point) if known else ""},
        }
        for episode, point in enumerate(float(value) for value in score + noise - noise.mean())
    ]


def _curve(values: Mapping[str, Any], steps: int, generator: np.random.Generator) -> Any:
    for step in np.unique(np.linspace(1, steps, 120).round().astype(int)):
        fade = float(1 - np.exp(-3 * step / steps))
        row = {"step": int(step), "value_loss": 1 / (1 + fade) + 0.05 * generator.random()}
        if values["method"] in MAPS:
            cost = 0.2 * fade + 0.01 * float(generator.random())
            row |= {"transport_cost": cost, "q_value": 10 * fade, "clipped_share": 0.02 * fade}
            row |= {f"displacement_q{q}": cost**0.5 * factor for q, factor in ((10, 0.4), (50, 1.0), (90, 1.8))}
            row |= {"displacement_over_sd": 2 * cost**0.5, "map_divergence": cost, "map_asymmetry": 0.1 * fade}
            row |= {"behaviour_log_likelihood_held_out": 1.5 + fade, "map_monotone_violations": 0.01 * fade}
            row |= {"map_w2_squared": 0.2 + cost, "distill_w2_squared": 5.0, "map_surprise": 1 - fade}
        if values["method"].startswith("adversarial"):
            row |= {"discriminator_loss": -0.3 * fade, "discriminator_gradient": 1 + fade}
        yield row


def _moves(values: Mapping[str, Any], cell: Cell, generator: np.random.Generator) -> Any:
    """Moves of ten actions; places where the domain has a plane."""
    for row in range(10):
        moved = {"row": row, "displacement": float(generator.random())}
        names = ("x", "y", "action_x", "action_y", "moved_x", "moved_y")
        plane = generator.normal(size=6) if values["evaluate"]["position"] else [""] * 6
        yield cell._asdict() | moved | dict(zip(names, plane, strict=True))


def _write_csv(path: Path, columns: list[str] | None, cell: Cell, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, columns or list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, **cell._asdict()} if columns else row for row in rows)


def write_studies(study: Study) -> None:
    """Invented transport studies; before `compare`."""
    for name, rows in _studies().items():
        _write_rows(study.transport_dir / f"{name}.csv", STUDY_COLUMNS, rows)
    files = hash_files(study.transport_dir, [f"{name}.csv" for name in _studies()])
    write_json(study.transport_dir / "manifest.json", {"status": "ok", "digest": "t" * 64, "files": files})


def write_findings(study: Study) -> None:
    """Invented diagnostics, failure signs and correlations in place of those of `compare`, after it."""
    values = [
        (
            dataset,
            algorithm,
            study.resolved(dataset, algorithm)["primary_readout"],
            quantity,
            value,
            value - 0.1,
            value + 0.1,
            3,
        )
        for dataset in study.datasets
        for algorithm in study.algorithms
        for quantity, value in (("w2_squared", 0.21), ("standard_distance", 1.25), ("value_overestimation", 3.5))
        if not algorithm.startswith("bc")
    ]
    law = ("training_law", "divergence", 0.4, 0.3, 0.5, 3)
    values += [(dataset, "qdot", *law) for dataset in study.datasets if "qdot" in study.algorithms]
    columns = ("dataset", "algorithm", "readout", "quantity", "value", "low", "high", "seeds")
    _write_rows(study.compare_dir / "diagnostics_summary.csv", columns, values)
    seen = (study.datasets[0], study.algorithms[0], study.seeds[0], "identity collapse", "displacement_over_sd")
    columns = ("dataset", "algorithm", "seed", "sign", "quantity", "value", "threshold")
    _write_rows(study.compare_dir / "signs.csv", columns, [(*seen, 0.012, 0.05)])
    columns = (
        "dataset",
        "algorithm",
        "measure",
        "value",
        "low",
        "high",
        "p",
        "episodes",
        "clusters",
        "seeds",
        "status",
    )
    first = (study.datasets[0], study.algorithms[0])
    moved = [(*first, "displacement", -0.31, -0.45, -0.12, 0.004, 334, 20, 3, "ok")]
    moved += [(*first, "imitation_distance", "", "", "", "", 19, 19, 3, "19 episodes, fewer than 30")]
    _write_rows(study.compare_dir / "supplement.csv", columns, moved)


STUDY_COLUMNS = (
    *("study", "problem", "map", "dim", "samples", "seed", "metric", "value"),
    *("threshold", "passed", "control", "referee"),
)


def _studies() -> dict[str, list[tuple[Any, ...]]]:
    """Tables of two studies: one with bounds, a miss and a control that misses; one over numbers of samples."""
    closed = "closed form of an invented problem"
    own_loss = [
        ("own_loss", problem, name, dim, 0, 0, "l2_uvp", value, bound, passed, str(name == "shift_only"), closed)
        for problem, dim in (("oblique", 2), ("spectrum-.5-2", 16))
        for name, value, bound, passed in (
            *(("shift", 0.9, "", ""), ("affine", 0.08, "", ""), ("potential", 0.03, "", "")),
            ("icnn", 0.02 * dim, "< 0.05", str(0.02 * dim < 0.05)),
            ("shift_only", 31.0, "> 10", "True"),
        )
    ]
    lqr: list[tuple[Any, ...]] = [
        ("lqr", "lqr16", name, 16, samples, 0, metric, top * (1 - 5 / samples**0.5), "", "", "False", closed)
        for samples in (64, 256, 1000, 10000)
        for name, top in (("icnn", 0.98), ("affine", 0.95), ("shift", 0.9), ("ddpg_bc", 0.8), ("awr_best", -3.0))
        for metric in ("objective_share", "pushforward_share")
    ]
    lqr += [
        ("lqr", f"lqr16-alpha-{alpha:g}", name, 16, 1000, 0, metric, value, "", "", "False", closed)
        for alpha in (0.1, 0.5, 2.0)
        for name, factor in (("prox_exact", 1.0), ("icnn", 0.97))
        for metric, value in (("displacement", factor / alpha), ("return", -30.0 - 10 * alpha / factor))
    ]
    return {"own_loss": own_loss, "lqr": lqr}


def _write_rows(path: Path, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
