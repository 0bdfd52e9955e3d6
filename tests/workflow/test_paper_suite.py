"""The paper's suite, small: every dataset in its true layout, from a host that breaks off, all the way to a report."""

import csv
import json
from pathlib import Path
from typing import Any, NamedTuple

import http_faults as faults
import pytest
import yaml
from d4rl_files import write_mirror
from report_page import section
from workflow.checkout import Checkout

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

PARAMS: dict[str, Any] = yaml.safe_load((Path(__file__).parents[2] / "params.yaml").read_text())
PAPER = PARAMS["suites"]["paper"]
STEPS, ROWS = 100, 640
FAULTS: dict[str, list[faults.Fault]] = {
    "hopper-medium-v2": [faults.drop(4000)],
    "halfcheetah-medium-replay-v2": [faults.short(9000), faults.drop(4000)],
    "walker2d-medium-expert-v2": [faults.status(503)],
    "antmaze-umaze-v2": [faults.drop(0), faults.short(9000)],
    "kitchen-partial-v0": [faults.status(500), faults.drop(100)],
    "kitchen-mixed-v0": [faults.unstated(9000)],
}


class Ran(NamedTuple):
    """A run of the small suite: where, what was asked of the host, and where each dataset's file lies there."""

    checkout: Checkout
    asked: list[tuple[str, str | None]]
    paths: dict[str, str]

    @property
    def tables(self) -> Path:
        return self.checkout.top / "results/paper/compare"


def overlay(url: str) -> dict[str, Any]:
    """Values over params.yaml: the suite as it is, but for its sizes and where its files come from."""
    small = {"steps": STEPS, "batch_size": 64, "hidden": [32, 32], "log_every": 50}
    during = {"evaluate_every": STEPS, "evaluate_episodes": 1}
    paper = {
        "seeds": [0],
        "train": small | during,
        "evaluate": {"episodes": 1},
        "algorithm": {"readouts": ["map"]},
        "transport": {"studies": []},
    }
    return {
        "suite": "paper",
        "suites": {"paper": paper},
        "data": {"base_url": url, "mirrors": [], "timeout_seconds": 5, "replay_rows": 100},
        "compare": {"bootstrap_samples": 200},
    }


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    top = tmp_path_factory.mktemp("paper")
    checkout = Checkout.copy(top / "checkout")
    table = checkout.top / "workflow/resources/d4rl_files.csv"
    write_mirror(top / "host", table, ROWS, 0, PAPER["datasets"])
    with table.open(newline="") as file:
        paths = {row["dataset"]: row["path"] for row in csv.DictReader(file)}
    with faults.Host() as host:
        for name, path in paths.items():
            host.files[f"/{path}"] = faults.Served((top / "host" / path).read_bytes(), FAULTS.get(name, ()))
        values = top / "small.yaml"
        values.write_text(yaml.safe_dump(overlay(host.url)))
        checkout.snakemake("--configfile", str(values), no_proxy="*")
    return Ran(checkout, host.asked, paths)


def test_every_cell_is_scored(ran: Ran) -> None:
    with (ran.tables / "scores.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["protocol"] in ("final", "last", "best")]
    expected = {(d, a, p) for d in PAPER["datasets"] for a in PAPER["algorithms"] for p in ("final", "last", "best")}
    assert len(expected) == 3 * 18 * 8
    assert {(row["dataset"], row["algorithm"], row["protocol"]) for row in rows} == expected
    assert {(row["status"], row["episodes"], row["seed"]) for row in rows} == {("ok", "1", "0")}
    assert all(abs(float(row["score"])) < 200 for row in rows)


def test_cells_are_what_the_overlay_asked_for(ran: Ran) -> None:
    paths = list(ran.checkout.top.glob("results/paper/train/*/*/seed0/manifest.json"))
    values = [json.loads(path.read_text())["params"] for path in paths]
    assert len(paths) == 18 * 8
    assert {cell["train"]["steps"] for cell in values} == {STEPS}
    rewards = {cell["dataset"].partition("-")[0]: cell["train"]["reward"] for cell in values}
    assert (rewards["hopper"], rewards["antmaze"], rewards["kitchen"]) == (
        "normalise_returns",
        "subtract_one",
        "as_is",
    )


def test_what_the_host_broke_off_was_asked_for_again_and_nothing_else(ran: Ran) -> None:
    asked = [path for path, _ in ran.asked]
    found = {name: asked.count(f"/{path}") for name, path in ran.paths.items()}
    assert found == {name: 1 + len(FAULTS.get(name, [])) for name in PAPER["datasets"]}
    assert any(part for _, part in ran.asked), "no download went on in the middle"
    raw = ran.checkout.top / "data/raw"
    assert sorted(path.name for path in raw.iterdir()) == sorted(Path(path).name for path in ran.paths.values())


def test_the_report_counts_the_cells_and_shows_that_the_files_are_not_the_published_ones(ran: Ran) -> None:
    text = (ran.checkout.top / "reports/build/paper/index.html").read_text()
    run = section(text, "run").text
    assert "cells ok 144 of 144 failed 0 not run 0 of the paper's study 144 of 144 pairs" in run
    assert "at its full size 0 of 144 pairs" in run
    shown = section(text, "datasets").text
    for name in PAPER["datasets"]:
        manifest = json.loads((ran.checkout.top / f"data/prepared/{name}/manifest.json").read_text())
        for warning in manifest["warnings"]:
            assert warning in shown, name
    assert "halfcheetah-medium-v2: marked_episodes: 32 here, 1000 published" in shown


def test_nothing_is_left_to_do(ran: Ran) -> None:
    """The same command again finds every file at hand and works on no cell; the host is gone by then."""
    before = ran.checkout.works()
    values = ran.checkout.top.parent / "small.yaml"
    printed = ran.checkout.snakemake("--configfile", str(values))
    assert ran.checkout.worked(before) == []
    assert len(before) == 2 * 18 * 8
    assert "active_train" not in printed
