"""The list of reports leads to each that is there."""

import re
from pathlib import Path

from fake_study import fill, new_study
from report_page import Page

from qdot.evaluation.compare import compare
from qdot.provenance import write_manifest
from qdot.reporting.index import write_index
from qdot.reporting.render import TEMPLATES, environment, render
from qdot.study import Study


def reported(root: Path, **config: str) -> Study:
    study = new_study(root, "tiny", **config)
    fill(study, algorithms=study.algorithms)
    compare(study)
    render(study)
    subset = {k: list(v) for k, v in study.subset.items()} if study.is_subset else {}
    manifest = {"status": "ok", "suite": "tiny", "subset": subset}
    write_manifest(study.report_dir / "manifest.json", manifest)
    return study


def test_it_leads_to_every_report_with_its_cells(tmp_path: Path) -> None:
    whole, subset = reported(tmp_path), reported(tmp_path, algorithm="bc")
    (whole.places.reports / "unfinished").mkdir()
    text = write_index(whole.places, environment(tmp_path / TEMPLATES), "Q & A").read_text()
    links = re.findall(r'href="([^"]+/index\.html)"', text)
    assert links == [f"{study.name}/index.html" for study in (whole, subset)]
    assert all((whole.places.reports / link).is_file() for link in links)
    page = Page(text).text
    assert f"{len(list(whole.cells()))} of {len(list(whole.cells()))}" in page
    assert "A subset: algorithm=bc ." in page
    assert "Q & A" in page


def test_a_report_without_tables_is_left_out(tmp_path: Path) -> None:
    study = reported(tmp_path)
    (study.compare_dir / "facts.csv").unlink()
    text = write_index(study.places, environment(tmp_path / TEMPLATES), "Reports").read_text()
    assert "index.html" not in text
