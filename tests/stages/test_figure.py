"""`qdot figure`: the page's figures alone, in real colours."""

import json
import re
from pathlib import Path

import pytest
from fake_study import fill, new_study

from qdot.errors import ParamsError, ResultsError
from qdot.evaluation.compare import compare
from qdot.provenance import write_json
from qdot.reporting.render import render
from qdot.stages import figure
from qdot.study import Study


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    study = new_study(tmp_path_factory.mktemp("figures"), "tiny")
    fill(study)
    compare(study)
    recipe = {"params": study.params, "suite": "tiny", "subset": {}, "cells": [], "transport": None}
    write_json(study.root / ".snakemake/recipes/tiny/report.json", json.loads(json.dumps(recipe)))
    return study


def test_the_list_names_every_figure_of_the_page(study: Study) -> None:
    listed = [line.split()[0] for line in figure.run(None, "tiny", root=study.root).splitlines()]
    printed = re.findall(r'<figure id="figure-([^"]+)">', render(study).read_text())
    assert listed == printed
    assert len(listed) == len(set(listed)) > 3


@pytest.mark.parametrize(("ending", "start"), [("svg", b"<?xml"), ("pdf", b"%PDF"), ("png", b"\x89PNG")])
def test_a_figure_is_drawn_in_the_format_of_its_ending_with_the_same_bytes_each_time(
    study: Study, tmp_path: Path, ending: str, start: bytes
) -> None:
    path = tmp_path / f"scores.{ending}"
    assert figure.run("scores-pendulum-tiny", "tiny", path, study.root) == str(path)
    content = path.read_bytes()
    assert content.startswith(start)
    figure.run("scores-pendulum-tiny", "tiny", path, study.root)
    assert path.read_bytes() == content
    if ending == "svg":
        colours = set(re.findall(rb"#[0-9a-f]{6}", content))
        assert b"#b8321f" in colours  # qdot's
        assert not any(colour.startswith((b"#0000", b"#0001")) for colour in colours)


def test_what_is_wrong_is_named(study: Study, tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="'scores-pendulum': found none in tiny; nearest: scores-pendulum-tiny"):
        figure.run("scores-pendulum", "tiny", root=study.root)
    with pytest.raises(ParamsError, match=r"found the ending '\.gif', expected one of: svg, pdf, png"):
        figure.run("scores-pendulum-tiny", "tiny", tmp_path / "a.gif", study.root)
    with pytest.raises(ResultsError, match="expected a suite that ran here"):
        figure.run(None, "quick", root=study.root)
