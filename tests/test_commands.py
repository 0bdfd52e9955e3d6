"""Every block of the documents is run or checked: what it names exists, and what reads it would take it."""

from pathlib import Path

import pytest
from fences import DOCUMENTS, TOP, commands, fences, params_beside
from said_commands import CHECKS, UNCHECKED, WRONG, check

from qdot import external, params_check
from qdot import params as parameters
from qdot.study import Study

# Who reads a block of each language. `text` is what commands print; tests/test_citation.py reads bibtex.
LANGUAGES = {"sh", "yaml", "python", "csv", "text", "bibtex"}
PARAMS = parameters.load(TOP)


def name(document: Path) -> str:
    return document.relative_to(TOP).as_posix()


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_block_says_its_language(document: Path) -> None:
    found = {fence.place: fence.language for fence in fences(document)}
    assert set(found.values()) <= LANGUAGES, found
    assert document.read_text().count("\n```") == 2 * len(found), "a block that is not read as one"


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_command_names_what_exists(document: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TOP)
    params = params_beside(document)
    wrong = []
    for fence in fences(document):
        for words in commands(fence.text) if fence.language == "sh" else ():
            try:
                check(words, params)
            except WRONG as error:
                wrong.append(f"{fence.place}: {' '.join(words)}: {error}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_block_of_yaml_fits_into_params(document: Path) -> None:
    params = params_beside(document)
    for suite in set(params["suites"]) - set(PARAMS["suites"]):
        study = Study.from_config(params, suite, TOP)
        assert all(study.resolved(cell.dataset, cell.algorithm) for cell in study.cells())
    params_check.check(params, TOP)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_block_of_csv_is_a_table_of_scores_that_can_be_imported(document: Path, tmp_path: Path) -> None:
    for fence in fences(document):
        if fence.language == "csv":
            (tmp_path / "table.csv").write_text(fence.text)
            assert len(external.read(tmp_path / "table.csv", PARAMS["datasets"])) == fence.text.count("\n") - 1


def test_what_is_not_checked_is_listed() -> None:
    assert set(UNCHECKED) < set(CHECKS)
    assert len(UNCHECKED) <= 3


@pytest.mark.parametrize(
    "wrong",
    [
        "make no_such",
        "make quick CORE=1",
        "snakemake no_such",
        "snakemake quick --no-such",
        "snakemake quick --config dataset=hopper-medium-v2",
        "snakemake quick --config suit=tiny",
        'snakemake quick --config set="{algorithms.qdot.twin: mean}"',
        "qdot status no_such",
        "qdot no_such",
        "qdot status quick --no-such",
        "qdot params show quick/pendulum/no_such",
        "qdot card quick/pendulum/qdot/9",
        "qdot compare HEAD:no_such quick",
        "dvc no_such",
        "dvc exp run -S algorithms.qdot.twin=mean",
        "dvc exp run -S algorithms.qdot.twin_q=middle",
        'pip install "qdot[no_such] @ file:///path"',
        "QDOT_NO_SUCH=1 make quick",
        "export QDOT_NO_SUCH=1",
        "sbatch --wrap 'snakemake no_such'",
        "no_such",
    ],
)
def test_a_wrong_command_is_found(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TOP)
    (words,) = commands(wrong)
    with pytest.raises(WRONG):
        check(words, PARAMS)
