"""Rollouts on the page: pictures inside it within their room, still until opened, words for all; gaps with reasons."""

import base64
import io
import re
from pathlib import Path

import pandas as pd
import pytest
from fake_study import new_study, write_rollouts
from PIL import Image
from report_page import section

from qdot.errors import ResultsError
from qdot.provenance import hash_files, read_json, write_json
from qdot.reporting import films
from qdot.reporting.path_figures import paths
from qdot.reporting.render import TEMPLATES, environment
from qdot.reporting.rollout_section import rollouts
from qdot.reporting.source import Source
from qdot.study import Study

PICTURE = re.compile(r'<img src="data:image/webp;base64,([^"]+)" alt="([^"]+)">')


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    made = new_study(tmp_path_factory.mktemp("rollouts"), "quick")
    write_rollouts(made)
    return made


WHOLE = """{% import "macros.html" as m with context %}
{% set content, figures = section.content, section.figures %}
<section id="rollouts">{% include "sections/rollouts.html" %}</section>"""


def part(study: Study) -> str:
    """The section, by its own template."""
    made = environment(study.root / TEMPLATES).from_string(WHOLE)
    return made.render(section=rollouts(Source(study)), study=study)


def test_an_animation_is_the_files_own_and_lies_behind_a_still_one(study: Study) -> None:
    text = part(study)
    pictures = [(base64.b64decode(content), words) for content, words in PICTURE.findall(text)]
    assert len(pictures) == 4  # qdot on the cheetah and the pendulum; a still and an animation each
    for (still, said), (moving, moved) in zip(pictures[::2], pictures[1::2], strict=True):
        with Image.open(io.BytesIO(still)) as picture, Image.open(io.BytesIO(moving)) as film:
            assert (picture.n_frames, film.n_frames) == (1, 5)
        assert "Episode 0: return 4321 in 1000 steps" in said
        assert "5 pictures in 0.5 s, of the first 100 steps" in moved
    folder = study.stage_dir("rollouts")
    files = {path.read_bytes() for path in folder.rglob("*.webp")}
    assert {content for content, _ in pictures} == files
    closed = re.sub(r"<details>.*?</details>", "", text, flags=re.DOTALL)
    assert len(PICTURE.findall(closed)) == 2
    assert "<details open" not in text


def test_what_is_not_rendered_says_why_and_keeps_its_return(study: Study) -> None:
    shown = section(part(study), "rollouts").text
    reason = "Not rendered: halfcheetah-replay bc, pendulum bc. Why: egl: no <display>"
    assert reason in shown
    assert "halfcheetah-replay bc 0 0 −1,234.5 1,000 – –" in shown


def test_every_picture_keeps_within_the_room_and_what_does_not_is_named(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = [len(content) + len("data:image/webp;base64,") for content, _ in PICTURE.findall(part(study))]
    monkeypatch.setattr(films, "ALL", sum(whole[:2]) + 10)
    text = part(study)
    left = [len(content) + len("data:image/webp;base64,") for content, _ in PICTURE.findall(text)]
    assert left == whole[:2]
    assert "pendulum: qdot (results/quick/rollouts/pendulum/qdot.webp)" in " ".join(
        re.sub(r"<[^>]+>", "", text).split()
    )
    monkeypatch.setattr(films, "EACH", 10)
    assert PICTURE.findall(part(study)) == []


def test_a_method_is_shown_on_every_task_before_the_next_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = new_study(tmp_path, "quick")
    write_rollouts(study, ("qdot", "iql"))
    one = sum(len(content) for content, _ in PICTURE.findall(part(study))) // 4
    monkeypatch.setattr(films, "ALL", int(2.5 * one))
    shown = re.findall(r'<figure id="figure-(rollout-[^"]+)">', part(study))
    assert shown == ["rollout-halfcheetah-replay-qdot", "rollout-pendulum-qdot"]


def test_the_limits_keep_a_page_within_what_it_may_be() -> None:
    assert films.EACH <= 300_000
    assert films.ALL <= 5_000_000


def test_a_path_is_drawn_from_its_first_to_its_last_point_between_the_walls() -> None:
    points = pd.DataFrame(
        {"episode": [0, 0, 0, 1, 1], "step": [0, 1, 2, 0, 1], "x": [0, 1, 2, 5, 6], "y": [0, 0, 1, 5, 5]}
    )
    walls = pd.DataFrame({"x": [3.0], "y": [4.0], "half_x": [0.5], "half_y": [1.0]})
    axes = paths(points, walls, "qdot", ["qdot"]).axes[0]
    drawn = [line.get_xydata().tolist() for line in axes.lines]  # type: ignore[union-attr]
    assert drawn == [[[0, 0], [1, 0], [2, 1]], [[0, 0]], [[2, 1]], [[5, 5], [6, 5]], [[5, 5]], [[6, 5]]]
    (boxes,) = axes.collections
    (wall,) = (path.get_extents().bounds for path in boxes.get_paths())
    assert wall == (2.5, 3.0, 1.0, 2.0)


def test_paths_have_words_a_command_and_their_rows(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    text = part(study)
    table = pd.read_csv(study.stage_dir("rollouts") / "pointmaze-umaze" / "paths.csv")
    last = table[(table["algorithm"] == "qdot") & (table["episode"] == 1)].iloc[-1]
    words = "Episode 1: return 101.5 in 300 steps, with success, from ("
    assert words in text
    assert f"to ({last.x:.1f}, {last.y:.1f})." in text
    assert "qdot figure paths-pointmaze-umaze-qdot --suite quick" in text
    assert [panel.name for panel in rollouts(Source(study)).figures["paths"].panels] == [
        "paths-pointmaze-umaze-qdot",
        "paths-pointmaze-umaze-bc",
    ]


@pytest.mark.parametrize(
    ("status", "reason", "shown"),
    [
        ("failed", {"error": "ResultsError: seed <1>\nmore"}, "ResultsError: seed <1>"),
        ("not run", "evaluate: no cell", "evaluate: no cell"),
    ],
)
def test_rollouts_that_are_none_say_so(tmp_path: Path, status: str, reason: object, shown: str) -> None:
    study = new_study(tmp_path, "tiny")
    assert "no rollouts were recorded" in part(study)
    path = study.stage_dir("rollouts") / study.datasets[0] / "manifest.json"
    write_json(path, {"status": status, "reason": reason, "files": {}})
    text = section(part(study), "rollouts").text
    assert f"Not rendered: {study.datasets[0]}. Why: {shown}" in text


def test_pictures_that_nobody_vouches_for_are_refused(tmp_path: Path) -> None:
    study = new_study(tmp_path, "quick")
    write_rollouts(study)
    folder = study.stage_dir("rollouts") / "pendulum"
    manifest = read_json(folder / "manifest.json")

    def vouch(*names: str) -> None:
        write_json(folder / "manifest.json", manifest | {"files": hash_files(folder, names)})

    vouch("rollouts.csv", "qdot-still.webp")
    with pytest.raises(ResultsError, match=r"'qdot\.webp' is not among the files"):
        part(study)
    (folder / "qdot.webp").write_text("<svg onload=alert(1)>")
    vouch(*manifest["files"])
    with pytest.raises(ResultsError, match=r"'qdot\.webp' is no WebP"):
        part(study)
    vouch("rollouts.csv")
    (folder / "rollouts.csv").write_text("changed")
    with pytest.raises(ResultsError, match=r"rollouts\.csv differ from manifest\.json"):
        part(study)
