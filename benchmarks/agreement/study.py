"""The agreement study: `python study.py --minutes 45`. It writes a row per finished run, and a rerun goes on there."""

import argparse
import csv
import io
import json
import logging
import multiprocessing
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any, NamedTuple

import comparison
import page
from comparison import COLUMNS, Row
from settings import (
    ALGORITHMS,
    ALIGNED,
    MORE_SEEDS,
    OURS,
    PAGE,
    PARITY,
    READ,
    SCORES,
    SEEDS,
    SHIPPED,
    STEPS,
    TOP,
    datasets,
    values_of,
)

from qdot.algorithms import registry
from qdot.closure import code_digest
from qdot.data.batch import load_prepared, training_dataset
from qdot.data.prepare import prepare
from qdot.evaluation.evaluator import Evaluator
from qdot.evaluation.scores import normalise
from qdot.params import load
from qdot.provenance import digest, find_json, sha256_file, write_atomic, write_json
from qdot.training.loop import train

HERE = Path(__file__).resolve().parent
THEIRS = ("requirements.txt", "configs.py", "learners.py", "exchange.py", "theirs.py")
THEIR_PYTHON = TOP / ".venv-agreement/bin/python"
log = logging.getLogger("agreement")


class Unit(NamedTuple):
    """One run: a policy to train and to score."""

    dataset: str
    algorithm: str
    variant: str
    seed: int


def units(rows: list[Row]) -> Iterator[Unit]:
    """What is left, the most telling first.

    Ours and d3rlpy as shipped, seed by seed, on the collected datasets; more seeds where ten leave an interval too wide
    for a verdict; the same on the downloaded dataset; then d3rlpy aligned with ours wherever that comparison differs.
    """
    done = {Unit(row["dataset"], row["algorithm"], row["variant"], int(row["seed"])) for row in rows}
    here = datasets()
    names = [name for name in ALGORITHMS if name in registry.names()]
    wide, differing = comparison.too_wide(rows), comparison.unexplained(rows)
    planned: list[Unit] = []
    for group in (here[:2], here[2:]):
        cells = [(dataset, name) for dataset in group for name in names]
        sides = [(cell, variant) for cell in cells for variant in (OURS, SHIPPED)]
        planned += [Unit(*cell, variant, seed) for seed in range(SEEDS) for cell, variant in sides]
        again = [(cell, variant) for cell, variant in sides if cell in wide]
        planned += [Unit(*cell, variant, seed) for seed in range(SEEDS, MORE_SEEDS) for cell, variant in again]
    planned += [Unit(*cell, ALIGNED, seed) for seed in range(SEEDS) for cell in sorted(differing)]
    return (unit for unit in planned if unit not in done)


def prepare_data(dataset: str, folder: Path) -> Path:
    """The prepared dataset's folder; prepared first where it is not there."""
    target = folder / dataset
    found = find_json(target / "manifest.json")
    if found is None or found.get("status") != "ok":
        prepare(dataset, values_of(dataset, "bc")["data"], load(TOP)["data"], target, folder / "raw", "agreement")
    return target


def made_by(unit: Unit, values: Mapping[str, Any], data: Path) -> str:
    """Digest of what a row depends on: values, data, and our code or d3rlpy's pinned packages and our use of them."""
    if unit.variant == OURS:
        code = code_digest(registry.entry_module(unit.algorithm), "qdot.training.loop")
    else:
        code = digest(*(sha256_file(HERE / name) for name in THEIRS))
    used = {key: values["train"][key] for key in READ}
    episodes, arrays = values["evaluate"]["episodes"], sha256_file(data / "arrays.safetensors")
    return digest(used, values["algorithm_values"], episodes, arrays, code)[:12]


def outdated(rows: list[Row], folder: Path) -> list[Row]:
    """The rows that other code, values or data made than those that are here now."""
    digests: dict[tuple[str, str, str], str] = {}
    found = []
    for row in rows:
        unit = Unit(row["dataset"], row["algorithm"], row["variant"], int(row["seed"]))
        if (folder / unit.dataset / "arrays.safetensors").is_file():
            if unit[:3] not in digests:
                digests[unit[:3]] = made_by(unit, values_of(unit.dataset, unit.algorithm), folder / unit.dataset)
            if digests[unit[:3]] != row["made_by"]:
                found.append(row)
    return found


def train_ours(unit: Unit, values: Mapping[str, Any], data: Path) -> bytes:
    """Our policy file after the last step."""
    settings = values["train"]
    dataset = training_dataset(load_prepared(data), settings["reward"], settings["normalise_observations"])
    policies: dict[int, bytes] = {}
    train(unit.algorithm, values, dataset, [unit.seed], evaluate=lambda found, step: policies.update(found))
    return policies[unit.seed]


def train_theirs(unit: Unit, values: Mapping[str, Any], data: Path) -> bytes:
    """d3rlpy's policy after the last step, as a policy file of ours."""
    with tempfile.TemporaryDirectory() as folder:
        out, job = Path(folder) / "policy.safetensors", Path(folder) / "job.json"
        write_json(job, {**unit._asdict(), "values": values, "data": str(data), "out": str(out)})
        run_theirs("theirs.py", str(job))
        return out.read_bytes()


def run_theirs(script: str, *arguments: str) -> None:
    """Run a script of this folder in d3rlpy's environment."""
    environment = {**os.environ, "PYTHONPATH": str(TOP / "src")}
    subprocess.run([str(THEIR_PYTHON), str(HERE / script), *arguments], check=True, env=environment)


def score(unit: Unit, values: Mapping[str, Any], policy: bytes) -> float:
    """Mean normalised score of the `final` protocol: the same environment and start states for both sides."""
    environment, episodes = values["data"]["environment"], values["evaluate"]["episodes"]
    with Evaluator(environment, unit.dataset, values["train"]["discount"]) as evaluator:
        evaluator.submit(policy, unit.seed, "policy", STEPS, episodes, "final")
        rows = evaluator.rows()
    references = values["data"]["reference_scores"]
    return sum(normalise(row["return"], references) for row in rows) / len(rows)


def run(unit: Unit, folder: Path) -> Row:
    """Train and score one unit; its row."""
    values, data = values_of(unit.dataset, unit.algorithm), folder / unit.dataset
    policy = (train_ours if unit.variant == OURS else train_theirs)(unit, values, data)
    row = {
        **unit._asdict(),
        "score": f"{score(unit, values, policy):.3f}",
        "episodes": values["evaluate"]["episodes"],
        "steps": STEPS,
        "made_by": made_by(unit, values, data),
    }
    return {name: str(value) for name, value in row.items()}


def run_all(rows: list[Row], folder: Path, cores: int, minutes: float) -> Iterator[list[Row]]:
    """Run what is left, `cores` units at a time; after each, all rows that there are then.

    No unit starts after `minutes`; those that run then are waited for.
    """
    deadline = time.monotonic() + 60 * minutes
    running: dict[Future[Row], Unit] = {}
    with ProcessPoolExecutor(cores, multiprocessing.get_context("spawn")) as pool:
        while True:
            waiting = [unit for unit in units(rows) if unit not in running.values()]
            for unit in waiting[: cores - len(running)]:
                if time.monotonic() < deadline:
                    running[pool.submit(run, unit, folder)] = unit
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                del running[future]
                rows = [*rows, future.result()]
                yield rows


def write(path: Path, rows: list[Row]) -> None:
    """Write scores.csv atomically, in an order that does not depend on which run ended first."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(sorted(rows, key=lambda row: (row["dataset"], row["algorithm"], row["variant"], int(row["seed"]))))
    write_atomic(path, text.getvalue())


def parity_cells(folder: Path) -> list[dict[str, Any]]:
    """Cells of the step parity, with the variants and precisions in which they are compared.

    Dropout is off: the two draw other masks. BC also with d3rlpy's loss on our side. Double precision tells roundings
    from differences.
    """
    cells = []
    for dataset in datasets():
        for algorithm in (name for name in ALGORITHMS if name in registry.names()):
            values = values_of(dataset, algorithm)
            if "actor_dropout" in values["algorithm_values"]:
                values["algorithm_values"]["actor_dropout"] = 0.0
            cell = {"dataset": dataset, "algorithm": algorithm, "data": str(folder / dataset), "values": values}
            cells.append({**cell, "against": [(SHIPPED, "float32"), (ALIGNED, "float32"), (ALIGNED, "float64")]})
            if algorithm == "bc":
                values = {**values, "loss": "squared_error"}
                cells.append({**cell, "values": values, "against": [(SHIPPED, "float32"), (SHIPPED, "float64")]})
    return cells


def check_parity(folder: Path) -> None:
    """Write parity.csv."""
    with tempfile.TemporaryDirectory() as temporary:
        cells = Path(temporary) / "cells.json"
        cells.write_text(json.dumps(parity_cells(folder)), encoding="utf-8")
        run_theirs("parity.py", str(cells), str(PARITY))


def main() -> None:
    """Data, step parity, scores until the time is used up, page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=45.0, help="start no run after so many minutes")
    parser.add_argument("--cores", type=int, default=1, help="runs at a time, one thread each")
    parser.add_argument("--data", type=Path, default=TOP / "data/agreement", help="folder of the prepared datasets")
    parser.add_argument("--redo", action="store_true", help="first drop the rows that other code or values made")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    folder = options.data.resolve()
    for dataset in datasets():
        prepare_data(dataset, folder)
    check_parity(folder)
    rows = comparison.read(SCORES)
    if options.redo:
        old = outdated(rows, folder)
        rows = [row for row in rows if row not in old]
    for finished in run_all(rows, folder, options.cores, options.minutes):
        rows = finished
        write(SCORES, rows)
        log.info("%s", " ".join(rows[-1].values()))
    page.write(PAGE, rows, comparison.read(PARITY), len(outdated(rows, folder)))
    log.info("%d runs left", sum(1 for _ in units(rows)))


if __name__ == "__main__":
    main()
