"""Every number of the page names its cell; the cell holds it, rounded as printed."""

import ast
import csv
import json
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
import yaml
from fake_study import TOP, fill, invented, new_study, write_findings, write_rollouts, write_status, write_studies

from qdot.evaluation.compare import compare
from qdot.reporting.deviations import read_deviations
from qdot.reporting.render import render
from qdot.reporting.sections import PROTOCOLS
from qdot.study import Cell, Study

FAILURE = {"stage": "train", "step": 120, "term": "q_loss", "error": "q_loss is <nan>", "log_tail": "Traceback 7"}
NOT_PROSE = {"script", "style", "svg", "code", "pre", "title", "figcaption"}  # a figure's rows can be downloaded
VOID = {"meta", "link", "br", "path", "use", "input", "img"}
KINDS: dict[str, tuple[str, dict[str, str]]] = {
    "quick": ("quick", {}),
    "kitchen": ("kitchen", {}),
    "sensitivity": ("sensitivity", {"dataset": "pointmaze-umaze", "seed": "0,1"}),
}


class Walk(HTMLParser):
    """Every element with a cell, and every text outside of them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.told: list[dict[str, str]] = []  # src, value, text
        self.within: list[int] = []  # depths at which an element with a cell was opened
        self.loose: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in VOID:
            return
        self.open.append(tag)
        found = {name: value or "" for name, value in attrs}
        if "data-src" in found:
            self.told.append({"src": found["data-src"], "value": found.get("value", ""), "text": ""})
            self.within.append(len(self.open))

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if self.within and self.within[-1] == len(self.open):
            self.within.pop()
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.within:
            self.told[-1]["text"] += data
        elif not NOT_PROSE.intersection(self.open):
            self.loose.append(" ".join(data.split()))


def scattered(cell: Cell, readout: str) -> float:
    return invented(cell, readout) + 4.0 * ((7 * cell.seed + len(cell.algorithm)) % 5)


@pytest.fixture(scope="module", params=KINDS)
def walked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, Walk]:
    suite, config = KINDS[request.param]
    study = new_study(tmp_path_factory.mktemp(request.param), suite, **config)
    fill(study, algorithms=study.algorithms, score=scattered)
    write_status(study, next(study.cells()), "failed", FAILURE)
    write_status(study, list(study.cells())[-1], "not run", "no result yet")
    write_studies(study)
    write_rollouts(study, study.algorithms[:2])
    compare(study)
    write_findings(study)
    return study, Walk(render(study).read_text())


def lookups(study: Study) -> Callable[[str], Any]:
    """From a cell's name to what stands there, read without the code under test."""
    tables: dict[str, Any] = {}

    def content(name: str) -> Any:
        if name not in tables:
            path = study.root / name if "/" in name else study.compare_dir / name
            text = path.read_text()
            if path.suffix == ".csv":
                tables[name] = list(csv.DictReader(text.splitlines(keepends=True)))
            elif path.suffix == ".md":
                tables[name] = {each.id: {**each.lines, "title": each.title} for each in read_deviations(path)}
            else:
                tables[name] = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
        return tables[name]

    def lookup(source: str) -> Any:
        name, _, place = source.partition("#")
        found = content(name)
        if place.startswith("/"):
            for part in place[1:].split("/"):
                found = found[int(part)] if isinstance(found, list) else found[part]
            return found
        row, _, column = place.partition(",")
        return found[int(row) - 1][column] if name.endswith(".csv") else found[row][column]

    return lookup


def rounded(text: str) -> tuple[float, float]:
    """The number that a text prints, and half a unit of its last digit."""
    sign, factor = (text.strip().replace("\u2212", "-").replace(",", ""), 1.0)
    if sign.endswith("%"):
        sign, factor = sign[:-1], 0.01
    digits = re.fullmatch(r"-?\d+(?:\.(\d+))?(?:e(-?\d+))?", sign)
    assert digits, text
    places = len(digits.group(1) or "") - int(digits.group(2) or 0)
    return float(sign) * factor, 0.5000001 * 10.0**-places * factor


def test_every_cell_holds_what_the_page_prints(walked: tuple[Study, Walk]) -> None:
    study, walk = walked
    lookup = lookups(study)
    assert len(walk.told) > 400
    for told in walk.told:
        found, text = lookup(told["src"]), " ".join(told["text"].split())
        try:
            cell, value = float(found), float(told["value"])
        except ValueError:
            whole = " ".join(str(found).replace("`", "").split())
            whole = whole if text in whole else whole.replace("<=", "≤").replace("_", " ")
            assert text in whole or text.replace(" ", "") in whole.replace(" ", ""), told
            assert told["value"] == "" or told["value"] in str(found), told
            continue
        assert value == pytest.approx(cell, rel=1e-9), told
        if text == "< 0.001":
            assert cell < 0.001
        elif re.match(r"[<>] ", text):
            assert text == told["value"]
        elif text[:1].isdigit() or text[:1] == "\u2212":
            printed, half = rounded(text)
            scale = 10.0 ** len(str(int(abs(cell)))) / 1000 if abs(cell) >= 1000 and "." not in text else 0
            assert abs(printed - cell) <= max(half, 0.51 * scale), told
        else:
            assert text == found, told


def fixed() -> str:
    """Every text that templates and sections hold, on one line each: what is wording and no result."""
    pieces = [
        re.sub(r"\{[{%#].*?[}%#]\}|<[^>]+>", "\n", path.read_text(), flags=re.DOTALL)
        for path in sorted((TOP / "reports/templates").rglob("*.html"))
    ]
    for path in sorted((TOP / "src/qdot/reporting").glob("*.py")):
        tree = ast.walk(ast.parse(path.read_text()))
        pieces += [node.value for node in tree if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return "\n".join(" ".join(line.split()) for piece in pieces for line in re.split(r"\n|\{\}", piece))


def names(study: Study) -> Iterator[str]:
    yield from (
        study.suite,
        *PROTOCOLS,
        *study.datasets,
        *study.algorithms,
        *study.params["datasets"],
        *study.params["algorithms"],
    )
    with open(study.compare_dir / "values.csv", newline="") as file:
        yield from {row["key"] for row in csv.DictReader(file)}
    with open(study.root / "workflow/resources/published_scores.csv", newline="") as file:
        yield from {row["algorithm"] for row in csv.DictReader(file)}


def test_no_other_number_is_on_the_page(walked: tuple[Study, Walk]) -> None:
    study, walk = walked
    wording = fixed()
    known = sorted({each for name in names(study) for each in (name, name.replace("_", " "))}, key=len, reverse=True)
    strange = {}
    for text in walk.loose:
        left = text
        for name in known:
            left = left.replace(name, " ")
        pieces = [piece.strip(" ,;:.") for piece in re.split(r"\s{2,}|[:;] ", left)]
        unknown = [piece for piece in pieces if re.search(r"\d", piece) and piece not in wording]
        strange |= {text: unknown} if unknown else {}
    assert strange == {}
