"""What the map buys, diagnostics, transport studies and sweeps on the page: numbers are the tables', gaps in words."""

import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest
from fake_study import fill, invented, new_study, write_findings, write_studies
from report_page import Page, section

from qdot.evaluation.compare import compare, value_table
from qdot.reporting import state
from qdot.reporting.findings import study_tables
from qdot.reporting.panels import logged_panels
from qdot.reporting.render import p_value, render, short
from qdot.reporting.source import Source
from qdot.reporting.sweeps import families, in_order, points, varied_keys
from qdot.study import Cell, Study

TABLES = (
    "differences.csv",
    "tuning.csv",
    "diagnostics_summary.csv",
    "signs.csv",
    "supplement.csv",
    "expectations.json",
)


def scattered(cell: Cell, readout: str) -> float:
    """Scores whose seeds do not move together, so that differences have a spread."""
    return invented(cell, readout) + 4.0 * ((7 * cell.seed + len(cell.algorithm)) % 5)


def found(study: Study) -> str:
    """The page of a study with everything that later stages write."""
    fill(study, algorithms=study.algorithms, score=scattered)
    write_studies(study)
    compare(study)
    write_findings(study)
    text = render(study).read_text()
    assert Page(text).open == []
    return text


@pytest.fixture(scope="module")
def ablations(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, str]:
    names = "qdot,no_icnn_a,no_icnn,no_icnn_c,ddpg_bc,prox"
    root = tmp_path_factory.mktemp("ablations")
    study = new_study(root, "ablations", dataset="pointmaze-umaze", algorithm=names)
    return study, found(study)


@pytest.fixture(scope="module")
def sensitivity(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, str]:
    study = new_study(tmp_path_factory.mktemp("sensitivity"), "sensitivity", dataset="pointmaze-umaze")
    return study, found(study)


def cells(text: str, heading: str) -> list[str]:
    """Texts of the cells of the first row of a table whose head has this name."""
    row = re.search(rf"<tr[^>]*><th[^>]*>{re.escape(heading)}.*?</tr>", text, re.DOTALL)
    assert row is not None, heading
    return [Page(cell).text for cell in re.findall(r"<td.*?</td>", row.group(0), re.DOTALL)]


def test_every_difference_is_the_tables(ablations: tuple[Study, str]) -> None:
    study, text = ablations
    part = text[text.index('<section id="differences">') :]
    table = pd.read_csv(study.compare_dir / "differences.csv")
    assert len(table) == 6  # five algorithms and two readouts of Q-DOT
    for row in table[table["other"] != "qdot"].itertuples():
        difference, _, _, seeds, detectable, datasets = cells(part, row.other.replace("_", " ") + "<")
        assert difference.startswith(f"{row.difference:.1f}".replace("-", "\u2212"))
        assert (seeds, detectable) == (str(row.seeds), f"{row.detectable:.1f}")
        assert datasets == ", ".join(row.datasets.split())


def test_a_page_without_the_new_tables_says_so(tmp_path: Path) -> None:
    study = new_study(tmp_path, "tiny")
    fill(study)
    compare(study)
    claims = json.loads((study.compare_dir / "claims.json").read_text())
    old = [{k: v for k, v in entry.items() if not k.startswith(("p_", "rule_", "run_"))} for entry in claims]
    for entry in old:
        for key in ("p", "post_hoc", "secondary"):
            entry.pop(key)
    (study.compare_dir / "claims.json").write_text(json.dumps(old))
    for name in TABLES:
        (study.compare_dir / name).unlink(missing_ok=True)
    text = render(study).read_text()
    for name in ("expectations", "differences", "transport", "diagnostics"):
        assert "Not at hand" in section(text, name).text, name
    assert "No study: suite tiny names none, or its transport stage has not run." in section(text, "studies").text
    assert "not recorded" in section(text, "claims").text


def test_a_claim_prints_its_evidence_and_its_origin(ablations: tuple[Study, str]) -> None:
    study, _ = ablations
    path = study.compare_dir / "claims.json"
    kept = path.read_text()
    claims = json.loads(kept)
    claims[0] |= {"p": 0.0213, "p_holm": 0.0426, "p_against": 0.97, "p_against_holm": None, "post_hoc": True}
    claims[0] |= {"rule_commit": "abcdef0123456789", "rule_date": "2025-03-04T05:06:07+00:00"}
    claims[0] |= {
        "run_commits": ["fedcba9876543210"],
        "secondary": [{"what": "gap", "value": 1.5, "low": 1, "high": 2}],
    }
    path.write_text(json.dumps(claims))
    text = section(render(study).read_text(), "claims").text
    path.write_text(kept)
    assert "for: p 0.021, with Holm 0.043; against: p 0.970" in text
    assert "rule of abcdef0123 (2025-03-04); runs of fedcba9876" in text
    assert "post hoc: the rule is later than a run that it judges" in text
    assert "gap: 1.50 [1.00, 2.00]" in text


def test_expectations_are_a_table_of_their_own(ablations: tuple[Study, str]) -> None:
    study, text = ablations
    entries = json.loads((study.compare_dir / "expectations.json").read_text())
    part = section(text, "expectations").text
    assert len(entries) > 3
    for entry in entries:
        assert entry["sentence"] in part
        assert entry["verdict"] in part


def test_bounds_are_judged_in_words_and_controls_must_miss(ablations: tuple[Study, str]) -> None:
    _, text = ablations
    part = text[text.index('<section id="studies">') :]
    page = section(text, "studies").text
    assert "0.04 < 0.05 kept" in page
    assert "0.32 < 0.05 missed" in page
    assert page.count("31 > 10 misses, as it must") == 2
    assert cells(part, '<a href="#study-own_loss">') == ["1 of 2", "2 of 2"]
    assert cells(part, '<a href="#study-lqr">') == ["none stated", "no control"]
    assert "closed form of an invented problem" in page


def test_transport_tables_that_no_manifest_lists_or_that_are_stale_are_not_shown(tmp_path: Path) -> None:
    study = new_study(tmp_path, "tiny")
    fill(study)
    write_studies(study)
    compare(study)
    write_findings(study)
    assert len(Source(study).studies) > 1
    (study.transport_dir / "old.csv").write_text("left,over\n1,2\n")
    assert "old" not in Source(study).studies
    assert Source(replace(study, expected_transport="u" * 64)).studies == {}
    assert list(Source(replace(study, expected_transport="t" * 64)).studies) == list(Source(study).studies)


def holder(name: str, rows: pd.DataFrame) -> Any:
    """A source of one transport study."""
    rows.attrs["file"] = f"{name}.csv"
    return type("Holder", (), {"studies": {name: rows}, "bounds": {name: None}})()


def test_a_control_that_does_not_miss_is_bad() -> None:
    rows = pd.DataFrame(
        {
            "study": "own_loss", "problem": "p", "map": ["icnn", "shift_only"], "dim": 2, "samples": 0, "seed": 0,
            "metric": "l2_uvp", "value": [0.01, 3.0], "threshold": ["< 0.05", "> 10"], "passed": ["True", "False"],
            "control": ["False", "True"], "referee": "r",
        }
    )  # fmt: skip
    (table,) = study_tables(holder("own_loss", rows))
    assert [row["cells"][0]["mark"] for row in table["rows"]] == ["kept", "does not miss, and must"]
    assert [row["cells"][0]["bad"] for row in table["rows"]] == [False, True]


def test_a_lower_bound_alone_is_no_control() -> None:
    rows = pd.DataFrame(
        {
            "study": "metric", "problem": "p", "map": ["icnn", "w2_squared"], "dim": 2, "samples": 0, "seed": 0,
            "metric": ["inverted_share", "triangle_excess"], "value": [1.0, 2.0], "threshold": ["> 0.99", "> 1"],
            "passed": "True", "control": ["False", "True"], "referee": "r",
        }
    )  # fmt: skip
    (table,) = study_tables(holder("metric", rows))
    assert [row["control"] for row in table["rows"]] == [False, True]


def test_diagnostics_and_signs_are_printed_with_thresholds(ablations: tuple[Study, str]) -> None:
    study, text = ablations
    part = text[text.index("<h3>At the last checkpoint</h3>") :]
    assert cells(part, "pointmaze-umaze")[1] == "0.21 [0.11, 0.31]"
    signs = section(text, "diagnostics").text
    assert "identity collapse pointmaze-umaze qdot 0 displacement over sd 0.012 0.05" in signs
    path = study.compare_dir / "signs.csv"
    kept = path.read_text()
    path.write_text(kept.splitlines()[0] + "\n")
    quiet = section(render(study).read_text(), "diagnostics").text
    path.write_text(kept)
    assert "No sign was seen" in quiet
    assert "identity collapse pointmaze-umaze" not in quiet


def test_what_cannot_be_measured_is_said_and_what_is_logged_is_drawn(tmp_path: Path) -> None:
    study = new_study(tmp_path, "ablations", dataset="pointmaze-umaze", algorithm="qdot,adversarial,bc")
    text = found(study)
    part = text[text.index("<h3>At the last checkpoint</h3>") :]
    head = re.findall(r"<th scope=\"col\"[^>]*>(.*?)</th>", part)
    rows = [Page(row).text for row in re.findall(r"<tr><th scope=\"row\">.*?</tr>", part, re.DOTALL)]
    numbers = "0.21 [0.11, 0.31] 1.25 [1.15, 1.35] {} 3.50 [3.40, 3.60]"
    assert head[2:6] == ["W2² to behaviour", "distance in sd", "KL to behaviour", "value above return"]
    assert f"pointmaze-umaze qdot map {numbers.format('n/a')}" in rows
    assert "pointmaze-umaze qdot training law n/a n/a 0.40 [0.30, 0.50] n/a" in rows
    assert "pointmaze-umaze qdot distill n/a n/a n/a n/a" in rows  # evaluated, and no row of the invented table
    assert "pointmaze-umaze bc n/a n/a n/a n/a" in rows
    for name in ("w2-squared", "surprise", "map-monotone-violations", "discriminator-loss", "discriminator-gradient"):
        assert part.count(f'id="figure-{name}-pointmaze-umaze"') == 1, name
    assert "No curve of" not in part
    executed = logged_panels(Source(study), "w2_squared", "W2²", executed=True).panels[0].rows
    assert set(executed["quantity"]) == {"map_w2_squared"}  # of the primary readout alone
    assert set(executed["algorithm"]) == {"qdot"}


def test_an_episodes_return_stands_against_its_displacement(ablations: tuple[Study, str]) -> None:
    text = section(ablations[1], "transport").text
    assert "pointmaze-umaze qdot mean ‖T(s, a) − a‖ −0.31 [−0.45, −0.12] 0.004 334 3 ok" in text
    assert "– – 19 3 19 episodes, fewer than 30" in text


def test_every_map_has_its_row_at_the_last_step(ablations: tuple[Study, str]) -> None:
    _, text = ablations
    part = text[text.index("<h3>At the last step</h3>") : text.index("<h3>Are poor episodes")]
    maps = re.findall(r'<th scope="row">pointmaze-umaze</th><td>\s*(.*?)\s*</td>', part)
    assert sorted(maps) == ["no icnn", "no icnn a", "no icnn c", "qdot"]


def test_the_head_says_what_the_page_holds(ablations: tuple[Study, str], sensitivity: tuple[Study, str]) -> None:
    head = Page(ablations[1][ablations[1].index("<header") : ablations[1].index("</header>")] + "</header>").text
    assert "What the map buys" in head
    assert "18 of the 78 cells that suite ablations plans" in head
    assert "Of 18 cells, 18 finished" in head
    assert "changed one at a time" in Page(sensitivity[1]).text


def test_variants_are_read_from_the_values_that_they_set(sensitivity: tuple[Study, str]) -> None:
    study, _ = sensitivity
    source = Source(study)
    assert source.methods == ("qdot",)
    (family,) = families(source, "pointmaze-umaze")
    assert family.of == "qdot"
    assert family.varied["qdot-transport_weight-0.5"] == ["algorithm_values.transport_weight"]
    keys = {row["key"]: row for row in varied_keys(source)}
    assert list(keys) == ["transport_weight", "expectile", "icnn_hidden", "q_scale"]
    assert keys["transport_weight"]["settings"] == ["0.1", "0.2", "0.5", "1.0", "2.0", "4.0"]
    assert keys["transport_weight"]["unvaried"] == ["0.2"]  # a maze's own
    assert keys["expectile"]["unvaried"] == ["0.9"]


def test_sensitivity_draws_the_summarys_means(sensitivity: tuple[Study, str]) -> None:
    study, text = sensitivity
    summary = pd.read_csv(study.compare_dir / "summary.csv")
    means = summary[(summary["protocol"] == "final") & (summary["metric"] == "mean") & (summary["readout"] == "map")]
    wanted = dict(zip(means["algorithm"], means["value"], strict=True))
    drawn = points(Source(study), "pointmaze-umaze")
    assert len(drawn) == 6 + 3 + 4 + 2 + 4  # the variants of four keys, and the unvaried one in each
    assert list(drawn["value"]) == [wanted[name] for name in drawn["algorithm"]]
    assert drawn["unvaried"].sum() == 4
    part = section(text, "sensitivity").text
    assert f"{wanted['qdot-q_scale-one']:.1f}" in part


def test_values_varied_together_share_an_axis(tmp_path: Path) -> None:
    names = [
        f"ddpg_bc-transport_weight-{a}-learning_rate-{r}" for a in ("0.1", "1.0", "4.0") for r in ("0.0003", "0.001")
    ]
    study = new_study(tmp_path, "tuning", dataset="pointmaze-umaze", algorithm=",".join(["bc", *names]), seed="100,101")
    text = found(study)
    drawn = points(Source(study), "pointmaze-umaze")
    assert set(drawn["key"]) == {"transport_weight"}  # three settings, so the two rates are lines
    assert list(drawn["lines"].unique()) == ["train.learning_rate"]
    assert sorted(zip(drawn["setting"], drawn["line"], strict=True)) == sorted(
        (a, r) for a in ("0.1", "1.0", "4.0") for r in ("0.0003", "0.001")
    )
    assert not drawn["unvaried"].any()
    assert "pointmaze-umaze: ddpg bc, transport weight; lines: train.learning rate" in section(text, "sensitivity").text


def test_variants_stay_out_of_the_figures_of_methods(sensitivity: tuple[Study, str]) -> None:
    _, text = sensitivity
    for name in ("scores", "learning"):
        assert "15 variants of the suite's grid" in section(text, name).text
        assert (
            "transport weight-0.5" not in section(text, name).text.replace("-", " ").replace("_", " ")
            or name == "scores"
        )
    ids = set(re.findall(r"<section id=\"(\w+)\">", text))
    assert {"sensitivity", "tuning"} <= ids


def test_names_keep_their_order_and_numbers_are_sorted() -> None:
    assert in_order(["4.0", "0.5", "10.0", "0.5"]) == (["0.5", "4.0", "10.0"], True)
    assert in_order(["one", "mean_q", "one"]) == (["one", "mean_q"], False)


@pytest.mark.parametrize(
    ("value", "text"), [(0.012345, "0.0123"), (-1.5, "\u22121.5"), (1.2e-7, "1.2e\u22127"), (31.0, "31"), (None, "–")]
)
def test_numbers_of_any_size_have_three_digits_at_most(value: float | None, text: str) -> None:
    assert short(value) == text


def test_a_p_value_is_never_zero() -> None:
    assert [p_value(p).striptags() for p in (0.0, 0.0004, 0.0421, 1.0, float("nan"))] == [
        "< 0.001",
        "< 0.001",
        "0.042",
        "1.000",
        "–",
    ]


def test_strengths_stand_side_by_side_and_the_oracle_is_called_one(tmp_path: Path) -> None:
    study = new_study(tmp_path, "sensitivity", dataset="halfcheetah-replay")
    fill(study, tuple(study.algorithms))
    compare(study)
    text = render(study).read_text()
    table = pd.read_csv(study.compare_dir / "strengths.csv")
    assert list(table["kind"]) == ["fixed", "domain", "oracle"]
    assert "oracle: best on this dataset, too high an estimate" in text
    assert f"{table['value'].iloc[2]:.1f}".replace("-", "−") in text


def test_a_map_that_pays_the_plain_distance_is_said_to(tmp_path: Path) -> None:
    """Its curve still shows the squared cost; what it pays is an upper bound of W1 alone."""
    plain = new_study(tmp_path / "plain", "tiny")
    other = new_study(tmp_path / "other", "tiny", set={"algorithms.qdot.cost": "distance"})
    said = [state.other_cost(cast(Source, SimpleNamespace(values=value_table(study)))) for study in (plain, other)]
    assert said[0] == ""
    assert "With cost: distance (qdot) the map pays E‖T(s, a) − a‖" in said[1]
    assert "upper bound of the Wasserstein-1 distance" in said[1]
