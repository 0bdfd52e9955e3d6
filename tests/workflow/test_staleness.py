"""Nothing stale, nothing done twice: the four scenarios on a real DVC repository, counting cells worked on."""

import csv
import json
import os
import re
import shutil
import tarfile
import time
from pathlib import Path

import pytest
from workflow.checkout import Checkout

from qdot.places import DEFAULTS, VARIABLES

DATASET = "pendulum-tiny"


def cells(*names: str, seeds: tuple[int, ...] = (0, 1)) -> list[str]:
    """`stage/dataset/algorithm/seed` of the named `stage/algorithm` pairs."""
    pairs = [name.split("/") for name in names]
    return sorted(f"{stage}/{DATASET}/{algorithm}/seed{k}" for stage, algorithm in pairs for k in seeds)


IQL = cells("train/iql", "evaluate/iql")
ALL = cells("train/iql", "evaluate/iql", "train/bc", "evaluate/bc")


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A repository whose study has run by `dvc repro`, pushed to a DVC remote."""
    top = tmp_path_factory.mktemp("staleness")
    checkout = Checkout.copy(top / "origin")
    (top / "remote").mkdir()
    checkout.run("dvc", "remote", "add", "--default", "store", str(top / "remote"))
    before = checkout.works()
    checkout.run("dvc", "repro")
    assert checkout.worked(before) == ALL
    checkout.commit("ran")
    checkout.run("dvc", "push")
    return checkout


@pytest.fixture
def pulled(origin: Checkout, tmp_path: Path) -> Checkout:
    """A fresh clone with its results pulled."""
    clone = origin.clone(tmp_path / "clone")
    clone.run("dvc", "pull")
    return clone


def test_a_clone_with_a_changed_value_retrains_exactly_its_cells(pulled: Checkout) -> None:
    before = pulled.works()
    pulled.set("    max_weight: 100.0 ", "    max_weight: 20.0 ")
    pulled.run("dvc", "repro")
    assert pulled.worked(before) == IQL


def test_values_of_another_commit_are_never_read_from_a_wrong_checkpoint(pulled: Checkout) -> None:
    first = pulled.commit("nothing") if pulled.run("git", "status", "--porcelain") else "HEAD"
    old = pulled.run("git", "rev-parse", first).strip()
    pulled.set("    max_weight: 100.0 ", "    max_weight: 20.0 ")
    pulled.run("dvc", "repro")
    expected = _scores(pulled)
    pulled.commit("two")
    pulled.run("git", "checkout", "--quiet", old)
    pulled.run("dvc", "checkout")
    before = pulled.works()
    pulled.set("    max_weight: 100.0 ", "    max_weight: 20.0 ")
    pulled.run("dvc", "repro")
    assert pulled.worked(before) == IQL
    assert _scores(pulled) == expected


def test_a_clone_without_change_works_on_nothing(pulled: Checkout) -> None:
    before = pulled.works()
    pulled.snakemake()
    assert pulled.worked(before) == []
    pulled.run("dvc", "repro")
    assert pulled.worked(before) == []
    shown = json.loads(pulled.run("dvc", "metrics", "show", "--json"))
    metrics = shown[""]["data"]["results/tiny/compare/metrics.json"]["data"]
    assert set(metrics[DATASET]) == {"iql", "bc"}


def test_a_clock_that_was_set_back_hides_no_change_and_repeats_no_work(pulled: Checkout) -> None:
    tomorrow = time.time() + 86400
    pulled.snakemake()
    for path in pulled.top.rglob("*"):
        if path.is_file() and not {".git", ".dvc"} & set(path.parts):
            os.utime(path, (tomorrow, tomorrow))
    before, tables = pulled.works(), pulled.top / "results/tiny/compare/manifest.json"
    of_old = tables.read_text()
    pulled.snakemake()
    assert pulled.worked(before) == []
    assert tables.read_text() == of_old
    pulled.set("    max_weight: 100.0 ", "    max_weight: 20.0 ")  # in a file that is older than what was made of it
    pulled.snakemake()
    assert pulled.worked(before) == IQL
    assert tables.read_text() != of_old
    before = pulled.works()
    pulled.snakemake()
    assert pulled.worked(before) == []


def test_a_clock_that_is_set_back_while_it_runs_loses_no_work(pulled: Checkout, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(SET_BACK)  # by an hour, as every job begins
    before = pulled.works()
    pulled.set("    max_weight: 100.0 ", "    max_weight: 20.0 ")
    for folder in ("data/prepared", "results/tiny/transport"):
        shutil.rmtree(pulled.top / folder)
    pulled.snakemake(PYTHONPATH=str(tmp_path))
    assert {path.name for path in tmp_path.glob("set-back-*")} == {f"set-back-{name}" for name in STAGES}
    assert pulled.worked(before) == IQL
    before = pulled.works()
    pulled.snakemake()
    assert pulled.worked(before) == []
    assert set(planned(pulled.snakemake("--dry-run"))) == {"all"}


def test_no_cell_of_the_suite_shows_a_failure_sign_in_its_curve(origin: Checkout) -> None:
    found = [json.loads(path.read_text()) for path in origin.top.glob("results/tiny/train/*/*/*/manifest.json")]
    assert [manifest["signs"] for manifest in found] == [[]] * 4


def test_a_new_seed_and_a_new_title_work_on_that_alone(pulled: Checkout) -> None:
    before = pulled.works()
    pulled.set("title: Q-DOT, reproduced", "title: Another title")
    pulled.run("dvc", "repro")
    assert pulled.worked(before) == []
    assert "Another title" in (pulled.top / "reports/build/tiny/index.html").read_text()
    pulled.set("algorithms: [iql, bc]\n    seeds: [0, 1]\n", "algorithms: [iql, bc]\n    seeds: [0, 1, 2]\n")
    pulled.run("dvc", "repro")
    pairs = ("train/iql", "evaluate/iql", "train/bc", "evaluate/bc")
    assert pulled.worked(before) == cells(*pairs, seeds=(2,))


def test_a_failed_seed_is_shown_fails_the_run_and_is_tried_again_alone(pulled: Checkout, tmp_path: Path) -> None:
    """`sitecustomize` puts NaN into one seed's weights; nothing in the project knows of it."""
    inject = tmp_path / "inject"
    inject.mkdir()
    (inject / "sitecustomize.py").write_text(INJECTED)
    before = pulled.works()
    pulled.set("    max_weight: 100.0 ", "    max_weight: 25.0 ")
    pulled.snakemake(status=1, PYTHONPATH=str(inject))
    manifest = json.loads((pulled.top / f"results/tiny/train/{DATASET}/iql/seed1/manifest.json").read_text())
    assert manifest["status"] == "failed"
    assert (manifest["reason"]["stage"], manifest["reason"]["step"]) == ("train", 1)
    assert {row["status"] for row in _scores(pulled) if (row["algorithm"], row["seed"]) == ("iql", "1")} == {"failed"}
    assert {row["status"] for row in _scores(pulled) if (row["algorithm"], row["seed"]) == ("iql", "0")} >= {"ok"}
    assert '<span class="bad">failed</span>' in (pulled.top / "reports/build/tiny/index.html").read_text()
    before = pulled.works()
    pulled.snakemake()
    assert pulled.worked(before) == cells("train/iql", "evaluate/iql", seeds=(1,))


def test_a_job_that_dies_whole_fails_the_run_and_leaves_a_report_of_the_rest(pulled: Checkout, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(DYING)
    page = pulled.top / "reports/build/tiny/index.html"
    before, worked = page.read_text(), pulled.works()
    pulled.set("    max_weight: 100.0 ", "    max_weight: 20.0 ")
    pulled.snakemake(status=1, PYTHONPATH=str(tmp_path))
    assert pulled.worked(worked) == cells("train/iql")
    assert page.read_text() != before
    assert _finals(pulled) == {("iql", "not run"), ("bc", "ok")}  # a score of the old value counts for nothing
    pulled.snakemake()
    assert pulled.worked(worked) == IQL
    assert _finals(pulled) == {("iql", "ok"), ("bc", "ok")}


def test_a_clone_with_everything_elsewhere_and_no_network_after_its_data_agrees_on_every_score(
    origin: Checkout, tmp_path: Path
) -> None:
    """As on a cluster: `data_all` on a login node, the rest on nodes that reach nobody, and every folder on a disk."""
    disk, refused, offline = tmp_path / "disk", tmp_path / "refused", without_network(tmp_path)
    places = {variable: str(disk / name) for name, variable in VARIABLES.items()}
    clone = origin.clone(tmp_path / "second")
    clone.snakemake("data_all", **places)
    clone.run("python", "-c", CONNECT, **offline)
    assert refused.read_text() == "192.0.2.1\n"  # the injected code does refuse
    clone.snakemake(**offline, **places)
    assert refused.read_text() == "192.0.2.1\n"
    assert not [folder for folder in ("data", "results", "logs", "reports/build") if (clone.top / folder).exists()]
    assert DVC_REFUSAL in clone.run("dvc", "repro", "--force", "--single-item", "train", status=255, **places)
    for name, folder in DEFAULTS.items():
        (clone.top / folder).parent.mkdir(exist_ok=True)
        (disk / name).rename(clone.top / folder)
    assert _scores(clone) == _scores(origin)
    for stage in ("train", "evaluate"):
        name = f"results/tiny/{stage}/{DATASET}/iql/seed0/manifest.json"
        first, second = (json.loads((top / name).read_text()) for top in (origin.top, clone.top))
        assert first == second
    assert set(planned(clone.snakemake("--dry-run"))) == {"all"}  # moved back, nothing is due but the gate


def test_snakemakes_report_needs_no_network_and_shows_captioned_outputs(origin: Checkout, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    origin.snakemake("--report", str(page), **without_network(tmp_path))
    assert not (tmp_path / "refused").exists()
    text = page.read_text()
    for category, name in (("Scores", "scores.csv"), ("Claims", "claims.json"), ("Report", "index.html")):
        assert category in text
        assert f'"name": "{name}"' in text
        caption = (origin.top / "workflow/report" / f"{Path(name).stem}.rst").read_text()
        assert caption[:40] in text


def test_an_unpacked_bundle_works_on_nothing_and_evaluates_without_training(pulled: Checkout, tmp_path: Path) -> None:
    pulled.run("python", "-m", "qdot", "archive", str(tmp_path / "b.tar.gz"), "--suite", "tiny", PYTHONPATH="src")
    with tarfile.open(tmp_path / "b.tar.gz") as bundle:
        bundle.extractall(tmp_path / "unpacked", filter="data")
    made = Checkout(next((tmp_path / "unpacked").iterdir()))
    made.run("sha256sum", "--quiet", "--check", "SHA256SUMS")
    before, expected = made.works(), _scores(made)
    assert before == pulled.works()
    assert set(planned(made.snakemake("--dry-run"))) == {"all"}  # the gate
    shutil.rmtree(made.top / "results/tiny/evaluate")
    made.snakemake()
    assert made.worked(before) == cells("evaluate/iql", "evaluate/bc")
    assert _scores(made) == expected
    assert expected == _scores(pulled)


def without_network(folder: Path) -> dict[str, str]:
    """Variables under which Python reaches no other host, and writes each that it tried into `folder`/refused."""
    inject = folder / "inject"
    inject.mkdir()
    (inject / "sitecustomize.py").write_text(OFFLINE)
    return {"PYTHONPATH": str(inject), "REFUSED": str(folder / "refused")}


def _scores(checkout: Checkout) -> list[dict[str, str]]:
    with open(checkout.top / "results/tiny/compare/scores.csv") as file:
        return list(csv.DictReader(file))


def _finals(checkout: Checkout) -> set[tuple[str, str]]:
    """Algorithm and status of every final score."""
    return {(row["algorithm"], row["status"]) for row in _scores(checkout) if row["protocol"] == "final"}


def planned(printed: str) -> list[str]:
    """The rules of the jobs that a dry run lists."""
    return re.findall(r"^(?:local)?rule (\w+):", printed, re.MULTILINE)


DVC_REFUSAL = "DVC versions only what params.yaml places inside the project"
CONNECT = """
import socket
try:
    socket.create_connection(("192.0.2.1", 80), timeout=1)
except OSError:
    pass
"""
OFFLINE = """
import os
import sys


def refuse(event, arguments):
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    with open(os.environ["REFUSED"], "a") as file:
        file.write(f"{host}\\n")
    raise OSError("no network")


sys.addaudithook(refuse)
"""
DYING = """
import os, signal, sys
if "evaluate" in sys.orig_argv:
    os.kill(os.getpid(), signal.SIGKILL)
"""
STAGES = ("data", "train", "evaluate", "rollouts", "transport", "compare", "report")
SET_BACK = f"""
import os
import sys
import time
from pathlib import Path

words = sys.orig_argv[1:]
stage = next((word for word in words if word in {STAGES!r}), None)
if words and Path(words[0]).name == "qdot" and stage:
    Path(__file__).with_name("set-back-" + stage).touch()
    for top in ("data", "results", ".snakemake/recipes"):
        for path in Path(top).rglob("*"):
            if path.is_file() and "locks" not in str(path):
                os.utime(path, (time.time() + 3600,) * 2)
"""
INJECTED = """
import importlib.abc
import sys
from importlib.machinery import PathFinder


class Inject(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != "qdot.training.trainer":
            return None
        spec = PathFinder.find_spec(name, path)
        kept = spec.loader.exec_module

        def exec_module(module):
            kept(module)
            start = module.Trainer.__init__

            def broken(self, algorithm, values, dataset, seeds, *rest):
                start(self, algorithm, values, dataset, seeds, *rest)
                if algorithm == "iql" and 1 in seeds:
                    for name, tensor in self.model.state_dict().items():
                        tensor.unflatten(0, (len(seeds), -1))[list(seeds).index(1)] = float("nan")

            module.Trainer.__init__ = broken

        spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, Inject())
"""
