"""The page: self-contained, deterministic, honest about what is missing, whatever the study holds."""

import copy
import dataclasses
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_study import fill, new_study, write_findings, write_status
from report_page import Page, section

from qdot.errors import ResultsError
from qdot.evaluation.compare import compare
from qdot.reporting.render import content_hash, render
from qdot.study import Cell, Study

SECTIONS = ["run", "claims", "expectations", "scores", "differences", "protocols", "learning", "transport"]
SECTIONS += ["rollouts", "diagnostics", "studies", "datasets", "failures", "deviations", "provenance", "rerun"]
FAILURE = {"stage": "train", "step": 120, "term": "q_loss", "error": "q_loss is <nan>", "log_tail": "Traceback & more"}


def rendered(study: Study) -> tuple[str, Page]:
    compare(study)
    text = render(study).read_text()
    page = Page(text)
    assert page.open == []
    return text, page


def all_failed(study: Study) -> None:
    for cell in study.cells():
        write_status(study, cell, "failed", FAILURE)


STATES: dict[str, Callable[[Study], None]] = {
    "complete": fill,
    "nothing trained": lambda study: None,
    "all failed": all_failed,
    "one algorithm": lambda study: fill(study, algorithms=("bc",)),
}


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Page]:
    study = new_study(tmp_path_factory.mktemp("quick"), "quick")
    fill(study)
    return rendered(study)


@pytest.mark.parametrize("state", STATES)
def test_every_state_of_a_study_gives_a_whole_page(tmp_path: Path, state: str) -> None:
    study = new_study(tmp_path, "tiny")
    STATES[state](study)
    text, page = rendered(study)
    assert re.findall(r'<section id="(\w+)">', text) == SECTIONS
    for name in SECTIONS:
        assert "Numbers." in section(text, name).text, name
    assert len(page.ids) == len(set(page.ids))
    for word in ("Undefined", "None", "nan", "<NA>"):
        assert not re.search(rf"\b{re.escape(word)}\b", page.text.replace("q_loss is <nan>", "")), word


def test_the_page_asks_for_nothing_outside_itself(quick: tuple[str, Page]) -> None:
    text, page = quick
    assert page.tags.isdisjoint({"iframe", "img", "object", "embed", "base", "form"})
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert f"script-src '{content_hash(script)}'" in text
    assert text.count("<script") == 1
    assert all(reference.startswith(("#", "data:")) for reference in page.references), page.references
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)


def test_every_reference_leads_to_an_id(quick: tuple[str, Page]) -> None:
    text, page = quick
    wanted = {reference[1:] for reference in page.references if reference.startswith("#")}
    wanted |= set(re.findall(r"url\(#([^)]+)\)", text))
    assert wanted <= set(page.ids)


def test_equal_tables_give_equal_bytes(tmp_path: Path) -> None:
    texts = []
    for name in ("one", "two"):
        study = new_study(tmp_path / name, "tiny")
        fill(study)
        texts.append(rendered(study)[0])
    assert texts[0] == texts[1]
    assert str(tmp_path) not in texts[0]


def test_a_page_reads_its_numbers_from_the_tables(tmp_path: Path) -> None:
    study = new_study(tmp_path, "tiny")
    fill(study)
    compare(study)
    path = study.compare_dir / "summary.csv"
    rows = path.read_text().splitlines()
    changed = [re.sub(r"(,bc,policy,final,mean),[^,]+,", r"\1,12345.6,", row) for row in rows]
    assert changed != rows
    path.write_text("\n".join(changed) + "\n")
    assert "12,345.6" in section(render(study).read_text(), "scores").text


def test_stand_ins_never_count_as_the_papers(quick: tuple[str, Page]) -> None:
    _, page = quick
    assert "No pair of dataset and algorithm of the paper's 144 is among them." in page.text
    assert page.text.count("stand-in, made here: not counted as the paper's") == 3


def test_published_scores_stand_beside_the_same_dataset(tmp_path: Path) -> None:
    study = new_study(tmp_path, "kitchen")
    fill(study)
    text, page = rendered(study)
    scores = section(text, "scores").text
    assert "62.5" in scores  # IQL on kitchen-complete-v0, as copied by the IQL and XQL papers
    assert "later methods, shown apart" in scores
    assert "They hold 3 of the paper's 144 pairs" in page.text


def test_another_version_of_a_dataset_has_no_published_score(tmp_path: Path) -> None:
    study = new_study(tmp_path, "paper_v0", dataset="antmaze-umaze-v0", algorithm="qdot,iql", seed="0,1")
    fill(study)
    scores = section(rendered(study)[0], "scores").text
    assert "87.5" in scores  # IQL on antmaze-umaze-v0
    assert "77.00" not in scores  # CORL's IQL on antmaze-umaze-v2
    assert "77.0 " not in scores


def test_the_papers_own_scores_are_not_at_hand_and_inferred_ones_say_so(tmp_path: Path) -> None:
    study = new_study(tmp_path, "paper", dataset="hopper-medium-v2", algorithm="qdot,iql", seed="0,1")
    fill(study)
    text, _ = rendered(study)
    row = re.search(r"<tr class=\"own\">.*?</tr>", text[text.index('<section id="scores">') :], re.DOTALL)
    assert row is not None
    assert Page(row.group(0)).text.count("not at hand") == 3
    inferred = [match.start() for match in re.finditer("77-78", text)]
    assert inferred
    for place in inferred:
        assert "inferred" in text[place - 120 : place + 120]


def test_what_failed_and_what_was_not_run_says_why(tmp_path: Path) -> None:
    study = new_study(tmp_path, "paper", dataset="kitchen-mixed-v0", algorithm="qdot,bc,no_icnn", seed="0,1")
    fill(study)
    write_status(study, Cell("kitchen-mixed-v0", "bc", 1), "failed", FAILURE)
    text, page = rendered(study)
    failures = section(text, "failures").text
    assert "failed train: q_loss is <nan> 120 q_loss" in failures
    assert "Traceback & more" in failures
    again = "snakemake evaluate_all --cores all --config suite=paper dataset=kitchen-mixed-v0 algorithm=no_icnn"
    assert f"no icnn not run train: no result yet {again} 2 kitchen-mixed-v0" in failures
    assert "<nan>" not in text  # escaped
    assert "Of 6 cells, 3 finished, 1 failed and 2 were not run." in page.text


def test_names_are_escaped(tmp_path: Path) -> None:
    study = new_study(tmp_path, "tiny")
    study.params["report"]["title"] = "<b>Q & A</b>"
    assert "<h1>&lt;b&gt;Q &amp; A&lt;/b&gt;</h1>" in rendered(study)[0]


def test_names_that_are_markup_are_text(tmp_path: Path) -> None:
    """The schema lets none through; the page does not lean on it. Every place of a name, figures and ids included."""
    dataset, algorithm = "<script>alert(1)</script>", "<img src=x onerror=alert(2)>\"' onload='alert(3)"
    study = new_study(tmp_path, "quick")
    params = copy.deepcopy(dict(study.params))
    params["datasets"][dataset] = params["datasets"].pop("pendulum")
    params["algorithms"][algorithm] = {"variant_of": "iql"}
    suite = params["suites"]["quick"]
    suite["datasets"] = [dataset if name == "pendulum" else name for name in suite["datasets"]]
    suite["algorithms"].append(algorithm)
    study = dataclasses.replace(study, params=params)
    fill(study, algorithms=("qdot", "iql", "bc", algorithm))
    compare(study)
    write_findings(study)
    text = render(study).read_text()
    page = Page(text)
    assert page.open == []
    assert page.tags.isdisjoint({"img", "iframe", "object", "embed"})
    assert text.count("<script") == 1
    assert not re.search(r"<[^>]*\son\w+\s*=", re.sub(r'"[^"<>]*"', '""', text))  # outside of quoted values
    assert dataset in page.text
    assert algorithm.replace("_", " ") in page.text
    assert all(re.fullmatch(r"[\w.-]+", name) for name in page.ids)


def test_without_tables_the_error_names_the_stage(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"facts\.csv: no such file; run the stage that writes it"):
        render(new_study(tmp_path, "tiny"))


def test_a_broken_template_is_an_error_with_its_name(tmp_path: Path) -> None:
    study = new_study(tmp_path, "tiny")
    compare(study)
    (tmp_path / "reports" / "templates" / "sections" / "rerun.html").write_text("{{ content.nothing_there }}")
    with pytest.raises(ResultsError, match=r"UndefinedError.*nothing_there"):
        render(study)


@pytest.mark.slow
def test_the_whole_study_of_the_paper_fits(tmp_path: Path) -> None:
    study = new_study(tmp_path, "paper")
    fill(study, algorithms=study.algorithms)
    text, page = rendered(study)
    assert "720 cells, 720 finished" in page.text
    assert len(text) < 5_100_000  # and films, 800,000 at most: docs/reading-the-report.md


def test_a_narrow_window_scrolls_tables_not_the_page(
    tmp_path: Path, require: Callable[[str, bool, str], None], quick: tuple[str, Page]
) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    require("chromium", browser is not None, "no chromium on this machine")
    (tmp_path / "page.html").write_text(quick[0])
    measure = "document.title = frames[0].document.documentElement.scrollWidth"
    frame = f'<iframe src="page.html" style="width: 400px; height: 900px; border: 0" onload="{measure}"></iframe>'
    (tmp_path / "frame.html").write_text(f"<title>unmeasured</title>{frame}")
    flags = "--headless --no-sandbox --disable-gpu --hide-scrollbars --no-first-run --disable-sync"
    quiet = "--disable-background-networking --disable-component-update --allow-file-access-from-files"
    command: list[Any] = [browser, *flags.split(), *quiet.split()]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=5000", "--dump-dom"]
    done = subprocess.run([*command, tmp_path / "frame.html"], capture_output=True, text=True, check=True, timeout=120)
    assert re.findall(r"<title>(.*?)</title>", done.stdout) == ["400"]


def test_a_subset_beyond_its_suite_says_how_many_cells_are_not_the_suites(tmp_path: Path) -> None:
    study = new_study(tmp_path, "tiny", algorithm="qdot,iql,prox", seed="0")
    fill(study, algorithms=("qdot", "iql", "prox"))
    _, page = rendered(study)
    assert "2 of the 6 cells that suite tiny plans, and 1 of algorithms that it does not list." in page.text
    assert "Of 3 cells, 3 finished" in page.text
