"""The replay's table on the page: its numbers are those of the table, what is missing says so."""

import re
from pathlib import Path

import pandas as pd
from fake_study import fill, new_study, write_replay
from report_page import section

from qdot.evaluation.compare import compare
from qdot.reporting.render import render, short
from qdot.study import Study


def row_of(text: str, dataset: str) -> str:
    """A dataset's row of the replay's table, as text."""
    start = text.index("Replay: is the environment")
    found = re.search(rf'<tr><th scope="row">{re.escape(dataset)}</th>.*?</tr>', text[start:], re.DOTALL)
    assert found is not None
    return " ".join(re.sub("<[^>]+>", " ", found[0]).split())


def page(study: Study) -> str:
    compare(study)
    return render(study).read_text()


def test_the_page_shows_numbers_bound_and_verdict(tmp_path: Path) -> None:
    study = new_study(tmp_path, "quick")
    fill(study, algorithms=("bc",))
    text = page(study)
    table = pd.read_csv(study.compare_dir / "replays.csv").set_index("dataset").loc["halfcheetah-replay"]
    numbers = [short(table[key]) for key in ("median", "p90", "p99", "max")]
    expected = f"halfcheetah-replay HalfCheetah-v4 1,900 100 {' '.join(numbers)} – median ≤ 1e-06 within"
    assert row_of(text, "halfcheetah-replay") == expected
    assert "not possible replay_bounds.csv has no bound" in row_of(text, "pendulum")
    assert "replays.csv" in section(text, "datasets").text
    found = {"check": "one_step", "n": 7, "skipped": 0, "median": 0.1, "p90": 0.2, "p99": 0.3, "max": 0.4}
    write_replay(study, "halfcheetah-replay", replay=found)
    assert row_of(page(study), "halfcheetah-replay").endswith("7 0 0.1 0.2 0.3 0.4 – median ≤ 1e-06 beyond")


def test_a_kitchen_shows_joints_and_tasks(tmp_path: Path) -> None:
    study = new_study(tmp_path, "kitchen")
    fill(study, algorithms=("bc",))
    row = row_of(page(study), "kitchen-complete-v0")
    assert row.endswith("1,891 9 – – – – 0.005 joint error ≤ 0.006 within; 36 of 36 tasks completed")


def test_tables_without_replays_say_so(tmp_path: Path) -> None:
    study = new_study(tmp_path, "tiny")
    fill(study)
    compare(study)
    (study.compare_dir / "replays.csv").unlink()
    assert "the tables of this study hold no replays.csv" in section(render(study).read_text(), "datasets").text
