"""Figures as inline SVG: page colours, unique ids, equal bytes."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from qdot.reporting import figures
from qdot.reporting.canvas import NAMED_LINES, spread_out
from qdot.reporting.palette import NAMED, STAND_INS, look
from qdot.reporting.svg import CLASSES, inline


@pytest.fixture
def curves() -> pd.DataFrame:
    steps = np.arange(0, 1001, 100)
    rows = [
        {
            "algorithm": name,
            "quantity": "score",
            "step": step,
            "value": base + step / 50,
            "low": base,
            "high": base + 40,
        }
        for name, base in (("qdot", 20), ("theirs", 10))
        for step in steps
    ]
    return pd.DataFrame(rows)


def test_colours_are_the_pages_own(curves: pd.DataFrame) -> None:
    svg = inline(figures.learning_curves(curves, ["qdot", "theirs"]), "a", "Learning curves")
    assert not any(colour in svg for colour in STAND_INS)
    assert f"stroke: var(--{look('qdot').name})" in svg
    assert "var(--muted)" in svg
    assert set(re.findall(r"#[0-9a-f]{6}", svg)) == set()


def test_equal_data_give_equal_bytes_and_two_figures_share_no_id(curves: pd.DataFrame) -> None:
    first, again, other = (
        inline(figures.learning_curves(curves, ["qdot"]), name, "Learning curves") for name in ("a", "a", "b")
    )
    assert first == again
    ids = [set(re.findall(r' id="([^"]+)"', svg)) for svg in (first, other)]
    assert ids[0]
    assert ids[0].isdisjoint(ids[1])
    assert "<metadata" not in first
    assert "<style" not in first


def test_a_label_is_escaped(curves: pd.DataFrame) -> None:
    svg = inline(figures.learning_curves(curves, ["qdot"]), "a", 'curves "of" <qdot>')
    assert 'aria-label="curves &quot;of&quot; &lt;qdot&gt;"' in svg


def test_displacement_draws_every_quantile() -> None:
    rows = [
        {"quantity": f"displacement_q{q}", "step": step, "value": q / 100 * step}
        for q in (10, 50, 90)
        for step in (0, 10, 20)
    ]
    svg = inline(figures.displacement(pd.DataFrame(rows)), "d", "Displacement")
    for text in (".1", ".5", ".9"):
        assert f">{text}</text>" in svg


def test_score_intervals_show_seeds_mean_and_published() -> None:
    means = pd.DataFrame([{"algorithm": "iql", "readout": "policy", "value": 50.0, "low": 45.0, "high": 55.0}])
    seeds = pd.DataFrame({"algorithm": ["iql"] * 3, "readout": ["policy"] * 3, "score": [48.0, 50.0, 52.0]})
    published = pd.DataFrame({"algorithm": ["iql"], "score": [60.0]})
    svg = inline(figures.score_intervals(means, seeds, published, ["iql"]), "s", "Scores")
    inner = svg[svg.index("clip-path") :]
    variable = f"--{look('iql').name}"
    assert len(re.findall(rf"<use [^>]*fill: var\({variable}\)", inner)) == 4  # three seeds and the mean
    assert len(re.findall(r"<use [^>]*stroke: var\(--ink\)", inner)) == 1


def test_one_seed_without_interval_can_be_drawn() -> None:
    means = pd.DataFrame([{"algorithm": "bc", "readout": "policy", "value": 1.0, "low": np.nan, "high": np.nan}])
    seeds = pd.DataFrame({"algorithm": ["bc"], "readout": ["policy"], "score": [1.0]})
    nothing = pd.DataFrame({"algorithm": [], "score": []})
    assert "<svg" in inline(figures.score_intervals(means, seeds, nothing, ["bc"]), "s", "Scores")


def test_algorithms_have_looks_of_their_own() -> None:
    looks = [look(name) for name in NAMED]
    assert len({one.name for one in looks}) == len(NAMED)
    assert len({one.dashes for one in looks}) == len(NAMED)
    outside = ("qdot", "theirs", "ours_too")
    assert look("theirs", outside) != look("ours_too", outside)


@pytest.mark.parametrize(
    ("wanted", "places"),
    [
        ([0.2, 0.8], [0.2, 0.8]),  # apart already
        ([0.5, 0.5], [0.45, 0.55]),  # about the wanted place
        ([0.0, 0.0, 0.6], [0.0, 0.1, 0.6]),  # not below the frame
        ([0.9, 1.0, 1.0], [0.8, 0.9, 1.0]),  # nor above
    ],
)
def test_names_of_lines_keep_apart(wanted: list[float], places: list[float]) -> None:
    assert spread_out(wanted, 0.1) == pytest.approx(places)


def test_each_line_is_named_at_its_end(curves: pd.DataFrame) -> None:
    svg = inline(figures.learning_curves(curves, ["qdot", "theirs"]), "a", "Learning curves")
    assert re.findall(r">(qdot|theirs)</text>", svg) == ["theirs", "qdot"]  # from below


def test_more_lines_than_fit_are_left_to_the_key(curves: pd.DataFrame) -> None:
    many = pd.concat([curves.assign(algorithm=f"m{index}") for index in range(NAMED_LINES + 1)])
    svg = inline(figures.learning_curves(many, ["m0"]), "a", "Learning curves")
    assert not re.search(r">m\d+</text>", svg)


def test_styles_that_become_classes_are_those_of_the_style_sheet() -> None:
    rules = (Path(__file__).parents[2] / "reports/templates/style.css").read_text(encoding="utf-8")
    for style, name in CLASSES.items():
        assert f"figure svg .{name} {{ {style}; }}" in rules
