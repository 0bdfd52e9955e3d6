"""YAML, JSON and CSV before their readers."""

import dataclasses
import functools
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fake_study
import yaml

from qdot import params as parameters
from qdot import replays, results
from qdot.data.d4rl import D4rlFile, find_file, read_table
from qdot.data.partial import Partial
from qdot.data.published import _read as read_statistics
from qdot.data.published import published_statistics
from qdot.evaluation import claims as claims_file
from qdot.evaluation import history
from qdot.evaluation.compare import compare
from qdot.evaluation.costs import cost_table
from qdot.evaluation.gather import gather
from qdot.evaluation.replays import replay_table
from qdot.evaluation.verification import TOLERANCES, Tolerances
from qdot.kept import MANIFEST, Kept
from qdot.provenance import hash_files, write_json
from qdot.reporting.index import write_index
from qdot.reporting.render import TEMPLATES, environment
from qdot.reporting.source import PUBLISHED, Source
from qdot.stages import gate
from qdot.stages.cells import Job
from qdot.study import Cell, Study

TOP = fake_study.TOP
DATASET, ALGORITHM = "pendulum-tiny", "iql"
CELL = Cell(DATASET, ALGORITHM, 0)


def _small() -> dict[str, Any]:
    """params.yaml with one suite, two algorithms and a dataset of each source."""
    found = yaml.safe_load((TOP / "params.yaml").read_text(encoding="utf-8"))
    names = [DATASET, "kitchen-complete-v0"]
    domains = {found["datasets"][name]["domain"] for name in names}
    found["suite"] = "tiny"
    found["suites"] = {"tiny": found["suites"]["tiny"] | {"datasets": names, "algorithms": ["qdot", "iql"]}}
    found["algorithms"] = {name: found["algorithms"][name] for name in ("qdot", "iql")}
    found["domains"] = {name: block for name, block in found["domains"].items() if name in domains}
    found["datasets"] = {name: found["datasets"][name] for name in names}
    found["datasets"]["mine"] = {"domain": "control", "source": "file", "path": "mine.hdf5", "action_bounds": [-2, 2]}
    for kind in ("domains", "datasets"):
        for block in found[kind].values():
            block.get("algorithm", {}).clear()
            block.pop("algorithms", None)
    return found


def params(folder: Path) -> list[bytes]:
    """A short params.yaml, in two styles, with its schema beside."""
    shutil.copytree(TOP / "workflow", folder / "workflow")
    return [yaml.safe_dump(_small(), sort_keys=False, default_flow_style=style).encode() for style in (False, None)]


def read_params(folder: Path, content: bytes) -> None:
    """From the file to the values and places of every cell."""
    (folder / "params.yaml").write_bytes(content)
    study = Study.from_config(parameters.load(folder), root=folder)
    for cell in study.cells():
        study.resolved(cell.dataset, cell.algorithm)
        if not study.cell_dir("train", cell).resolve().is_relative_to(study.places.results.resolve()):
            raise AssertionError(f"{study.cell_dir('train', cell)}: outside {study.places.results}")


def command_lines(folder: Path) -> list[bytes]:
    """Values as the command line gives them."""
    params(folder)
    (folder / "params.yaml").write_text(yaml.safe_dump(_small()))
    return [b"train.steps=7", b"{train.steps: 7, algorithms.qdot.twin_q: mean}"]


def read_command_line(folder: Path, content: bytes) -> None:
    """Over a sound params.yaml."""
    text = content.decode("utf-8", "replace")
    Study.from_config({**parameters.load(folder), "set": text}, root=folder)


def claims(folder: Path) -> list[bytes]:
    """The project's own, its first claims and expectations."""
    found = yaml.safe_load((TOP / claims_file.CLAIMS).read_text(encoding="utf-8"))
    for section in claims_file.SECTIONS:
        found[section] = found[section][:3]
    shutil.copytree(TOP / "workflow", folder / "workflow")
    return [yaml.safe_dump(found, sort_keys=False).encode()]


def read_claims(folder: Path, content: bytes) -> None:
    """The file, and its names of datasets."""
    (folder / claims_file.CLAIMS).write_bytes(content)
    found = claims_file.load(folder)
    claims_file.paper_datasets(found)
    for section in claims_file.SECTIONS:
        for entry in found[section]:
            claims_file.expand(entry["datasets"], found["groups"], lambda name: True)


def tolerances(folder: Path) -> list[bytes]:
    """The project's own."""
    shutil.copytree(TOP / "workflow", folder / "workflow")
    return [(TOP / TOLERANCES).read_bytes()]


def read_tolerances(folder: Path, content: bytes) -> None:
    """The file."""
    (folder / TOLERANCES).write_bytes(content)
    Tolerances.load(folder)


@functools.cache
def _study(folder: Path) -> Study:
    """Suite tiny, one algorithm and seed; made once in a folder."""
    made = fake_study.new_study(folder, "tiny", dataset=DATASET, algorithm=ALGORITHM, seed="0")
    fake_study.fill(made, algorithms=(ALGORITHM,))
    return made


def _manifests(folder: Path, stage: str) -> list[bytes]:
    """Of a cell that is ok, and of one that failed."""
    found = (_study(folder).cell_dir(stage, CELL) / "manifest.json").read_bytes()
    failure = {"stage": stage, "step": 3, "term": "q_loss", "error": "q_loss is nan", "log_tail": "Traceback"}
    failed = json.loads(found) | {"status": "failed", "reason": failure, "files": {}}
    return [found, json.dumps(failed).encode()]


def trained_manifests(folder: Path) -> list[bytes]:
    """Of the train stage."""
    return _manifests(folder, "train")


def evaluated_manifests(folder: Path) -> list[bytes]:
    """Of the evaluate stage."""
    return _manifests(folder, "evaluate")


def _read_manifest(folder: Path, content: bytes, stage: str) -> None:
    """As the tables, the gate and the stage itself read it, which may delete what is damaged: a copy of the folder."""
    study = _study(folder)
    path = study.cell_dir(stage, CELL) / "manifest.json"
    path.write_bytes(content)
    gather(study)
    gather(dataclasses.replace(study, expected={(stage, CELL): "d" * 64}))
    gate.run([path], "gate")
    places = {name: str(folder / place) for name, place in study.params["places"].items()}
    names = {"suite": "tiny", "dataset": DATASET, "algorithm": ALGORITHM}
    recipe = {"stage": stage, "digest": "d" * 64, "places": places, "data_dir": str(study.data_dir(DATASET)), **names}
    copy = folder / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(path.parent, copy)
    Job(recipe, {0: copy}).due()


def read_trained_manifest(folder: Path, content: bytes) -> None:
    """Of the train stage."""
    _read_manifest(folder, content, "train")


def read_evaluated_manifest(folder: Path, content: bytes) -> None:
    """Of the evaluate stage."""
    _read_manifest(folder, content, "evaluate")


def reported_manifests(folder: Path) -> list[bytes]:
    """Of a page, of the whole suite and of a subset."""
    study = _study(folder)
    compare(study)
    study.report_dir.mkdir(parents=True, exist_ok=True)
    (study.report_dir / "index.html").write_text("page")
    known: dict[str, Any] = {"stage": "report", "suite": "tiny", "status": "ok", "digest": "d" * 64}
    known |= {"inputs": {}, "files": hash_files(study.report_dir, ["index.html"])}
    return [json.dumps(known | {"subset": subset}).encode() for subset in ({}, {"algorithm": ["iql"]})]


def read_reported_manifest(folder: Path, content: bytes) -> None:
    """As the list of reports reads it, and what packs or keeps a page."""
    study = _study(folder)
    (study.report_dir / "manifest.json").write_bytes(content)
    write_index(study.places, environment(TOP / TEMPLATES), "Reports")
    results.vouched(study.report_dir)


def runtimes(folder: Path) -> list[bytes]:
    """Of a trained cell."""
    return [(_study(folder).cell_dir("train", CELL) / "runtime.json").read_bytes()]


def read_runtime(folder: Path, content: bytes) -> None:
    """As the tables read it: costs, and commits beside those of claims."""
    study = _study(folder)
    (study.cell_dir("train", CELL) / "runtime.json").write_bytes(content)
    found = gather(study).provenance
    cost_table(study, found)
    history.runs(found)


def replay_results(folder: Path) -> list[bytes]:
    """Of a dataset that was replayed."""
    study = _kitchen(folder)
    return [(study.data_dir("kitchen-complete-v0") / replays.FILE).read_bytes()]


@functools.cache
def _kitchen(folder: Path) -> Study:
    made = fake_study.new_study(folder, "kitchen", algorithm=ALGORITHM, seed="0")
    fake_study.fill(made, algorithms=())
    return made


def read_replay_result(folder: Path, content: bytes) -> None:
    """As the tables read it."""
    study = _kitchen(folder)
    (study.data_dir("kitchen-complete-v0") / replays.FILE).write_bytes(content)
    replay_table(study)


def verdicts(folder: Path) -> list[bytes]:
    """claims.json of a compared study."""
    study = _study(folder)
    compare(study)
    return [(study.compare_dir / "claims.json").read_bytes()]


def read_verdicts(folder: Path, content: bytes) -> None:
    """As the report reads it."""
    study = _study(folder)
    (study.compare_dir / "claims.json").write_bytes(content)
    _ = Source(study).claims


def kept_manifests(folder: Path) -> list[bytes]:
    """Of a kept suite of two files."""
    (folder / "scores.csv").write_text("dataset\n")
    (folder / "transport").mkdir()
    (folder / "transport" / "lqr.csv").write_text("study\n")
    files = hash_files(folder, ["scores.csv", "transport/lqr.csv"])
    write_json(folder / MANIFEST, {"suite": "tiny", "status": "complete", "files": files})
    return [(folder / MANIFEST).read_bytes()]


def read_kept(folder: Path, content: bytes) -> None:
    """As verify reads it."""
    (folder / MANIFEST).write_bytes(content)
    _ = Kept.read(folder).manifest["suite"]


FILE = D4rlFile("toy", "folder/toy.hdf5", None, None)


def notes(folder: Path) -> list[bytes]:
    """What a broken download left."""
    partial = Partial(folder / "toy.hdf5")
    partial.begin("http://host.invalid/toy.hdf5", {"ETag": '"1"'}, 100)
    partial.path.write_bytes(b"bytes")
    return [partial.note.read_bytes()]


def read_note(folder: Path, content: bytes) -> None:
    """As the next download reads it."""
    partial = Partial(folder / "toy.hdf5")
    partial.note.write_bytes(content)
    total = partial.total()
    headers = partial.request("http://host.invalid/toy.hdf5", checked=True)
    if not (total is None or isinstance(total, int)) or not all(isinstance(value, str) for value in headers.values()):
        raise AssertionError(f"total {total!r}, headers {headers!r}")


def _cell_table(folder: Path, stage: str, name: str) -> Path:
    return _study(folder).cell_dir(stage, CELL) / name


def _first_rows(path: Path) -> list[bytes]:
    return [b"".join(path.read_bytes().splitlines(keepends=True)[:8])]


def episode_tables(folder: Path) -> list[bytes]:
    """Episodes of an evaluated cell."""
    return _first_rows(_cell_table(folder, "evaluate", "episodes.csv"))


def read_episodes(folder: Path, content: bytes) -> None:
    """As the tables read them."""
    _cell_table(folder, "evaluate", "episodes.csv").write_bytes(content)
    gather(_study(folder))


def curves(folder: Path) -> list[bytes]:
    """The curve of a trained cell."""
    return _first_rows(_cell_table(folder, "train", "curve.csv"))


def read_curve(folder: Path, content: bytes) -> None:
    """As the tables read it."""
    _cell_table(folder, "train", "curve.csv").write_bytes(content)
    gather(_study(folder))


def score_tables(folder: Path) -> list[bytes]:
    """scores.csv of a compared study."""
    study = _study(folder)
    compare(study)
    (folder / "results" / "tiny" / "compare").mkdir(parents=True, exist_ok=True)
    return [(study.compare_dir / "scores.csv").read_bytes()]


def read_scores(folder: Path, content: bytes) -> None:
    """As a notebook reads it."""
    (folder / "results" / "tiny" / "compare" / "scores.csv").write_bytes(content)
    results.load("tiny", folder)


def _table(folder: Path, name: str) -> list[bytes]:
    """The first rows of one of the project's own tables."""
    path = folder / name
    path.parent.mkdir(parents=True)
    lines = (TOP / name).read_bytes().splitlines(keepends=True)
    return [b"".join(lines[:5]), lines[0]]


def _read_table(folder: Path, name: str, content: bytes, read: Callable[[Path], object]) -> None:
    (folder / name).write_bytes(content)
    read(folder)


FILES = "workflow/resources/d4rl_files.csv"
STATISTICS = "workflow/resources/dataset_statistics.csv"
BOUNDS = str(replays.TABLE)


def file_tables(folder: Path) -> list[bytes]:
    """D4RL's files."""
    return _table(folder, FILES)


def read_file_table(folder: Path, content: bytes) -> None:
    """Every file, whose name must be a name and whose path must stay under a server's or mirror's folder."""
    (folder / FILES).write_bytes(content)
    read_table.cache_clear()
    for name in read_table((folder / FILES).absolute()):
        file = find_file(name, folder)
        for top, inner in ((folder / "raw", file.name), (folder / "mirror", file.path)):
            path = (top / inner).resolve()
            if path == top.resolve() or not path.is_relative_to(top.resolve()):
                raise AssertionError(f"{inner!r} leads out of its folder")


def statistics_tables(folder: Path) -> list[bytes]:
    """Published statistics."""
    return _table(folder, STATISTICS)


def read_statistics_table(folder: Path, content: bytes) -> None:
    """One dataset's."""
    read_statistics.cache_clear()
    _read_table(folder, STATISTICS, content, lambda root: published_statistics("hopper-medium-v2", root))


def bounds_tables(folder: Path) -> list[bytes]:
    """Bounds of replays."""
    return _table(folder, BOUNDS)


def read_bounds_table(folder: Path, content: bytes) -> None:
    """One domain's."""
    replays.read_bounds.cache_clear()
    _read_table(folder, BOUNDS, content, lambda root: replays.bounds_of(root, "kitchen", "qdot/kitchen-complete-v0"))


def published_scores(folder: Path) -> list[bytes]:
    """Scores of others."""
    _study(folder)
    lines = (TOP / PUBLISHED).read_bytes().splitlines(keepends=True)
    return [b"".join(lines[:5])]


def read_published_scores(folder: Path, content: bytes) -> None:
    """As the report reads them."""
    (folder / PUBLISHED).write_bytes(content)
    _ = Source(_study(folder)).published
