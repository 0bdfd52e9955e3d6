"""Published statistics on the page: both numbers, a verdict, and the manifest's own warnings, in its words."""

import re
from pathlib import Path

from fake_study import fill, new_study, write_data
from report_page import section

from qdot.data.published import compare as beside
from qdot.evaluation.compare import compare
from qdot.reporting.render import render
from qdot.study import Study

NAME = "kitchen-complete-v0"
RECORDED = {"rows": 3680, "marked_episodes": 18, "marked_return_mean": 12.5}
PUBLISHED = [
    {"quantity": "rows", "value": 3680.0, "tolerance": 0.0, "source": "their table 2"},
    {"quantity": "marked_episodes", "value": 19.0, "tolerance": 0.0, "source": "a catalogue & more"},
    {"quantity": "marked_return_mean", "value": 1234.5, "tolerance": 0.05, "source": "their table 3"},
]


def shown(study: Study) -> str:
    compare(study)
    return render(study).read_text()


def filled(root: Path) -> Study:
    study = new_study(root, "kitchen")
    fill(study, algorithms=("bc",))
    return study


def test_the_page_shows_both_numbers_and_the_manifests_warnings(tmp_path: Path) -> None:
    study = filled(tmp_path)
    manifest = {"dataset": NAME, "transitions": 3680, "raw_file": "file.hdf5", "recorded": RECORDED}
    found = beside(manifest, PUBLISHED)
    write_data(study, NAME, **found)
    page = section(shown(study), "datasets")
    table = page.text.partition("Beside what others published")[2].partition("Replay")[0]
    rows = re.findall(rf"{NAME} (.+?) (?={NAME}|$)", table)
    assert rows == [
        "rows 3,680 3,680 agrees their table 2",
        "marked episodes 18 19 differs a catalogue & more",
        "marked return mean 12.50 1,234.50 differs their table 3",
    ]
    assert len(found["warnings"]) == 2
    for warning in found["warnings"]:
        assert f"Warning {warning}" in page.text
    assert "published_statistics.csv" in page.text


def test_a_page_without_them_says_so(tmp_path: Path) -> None:
    study = filled(tmp_path)
    page = section(shown(study), "datasets").text
    assert "Warning" not in page
    assert "Nothing is published of the datasets that are prepared here." in page
    (study.compare_dir / "published_statistics.csv").unlink()
    assert "hold no published_statistics.csv" in section(render(study).read_text(), "datasets").text
