"""The report in a real browser: it asks for nothing outside, says nothing to the console, and can be read by all."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright
from report_kinds import PARAMS

WIDTHS = (360, 768, 1440)
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}
CONTRAST = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}


@pytest.fixture(scope="module")
def browser(require: Callable[[str, bool, str], None]) -> Iterator[Browser]:
    found = shutil.which("chromium") or shutil.which("google-chrome")
    require("chromium", found is not None, "no chromium on this machine")
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(params=PARAMS)
def page(request: pytest.FixtureRequest, browser: Browser, pages: Callable[[str], Path]) -> Iterator[Page]:
    """A page, opened; it fails where the console says anything or something else than the file is asked for."""
    with browser.new_context() as context:
        opened, file = context.new_page(), pages(request.param).as_uri()
        said: list[str] = []
        opened.on("console", lambda message: said.append(f"console: {message.text}"))
        opened.on("pageerror", lambda error: said.append(f"error: {error}"))
        opened.on("request", lambda sent: said.append(f"request: {sent.url[:100]}") if sent.url != file else None)
        opened.goto(file)
        yield opened
        assert said == []


def violations(page: Page, rules: dict[str, Any]) -> list[tuple[str, str]]:
    """What axe finds at every width: rule and element. The paper's page takes it minutes: there at the widest alone."""
    found = []
    for width in WIDTHS[-1:] if "/build/paper/" in page.url else WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        found += Axe().run(page, options={**rules, "resultTypes": ["violations"]}).response["violations"]
    return [(entry["id"], entry["nodes"][0]["html"]) for entry in found]


def test_axe_finds_nothing(page: Page) -> None:
    assert violations(page, RULES) == []


def test_axe_finds_nothing_in_the_dark(page: Page) -> None:
    """The scheme changes colours alone."""
    page.emulate_media(color_scheme="dark")
    assert violations(page, CONTRAST) == []


def test_the_page_never_scrolls_sideways(page: Page) -> None:
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_headings_go_down_one_by_one(page: Page) -> None:
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map((each) => Number(each.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_contents_lead_to_sections(page: Page) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    links = page.locator("nav a")
    for index in range(links.count()):
        links.nth(index).click()
        anchor = page.evaluate("decodeURIComponent(location.hash.slice(1))")
        expect(page.locator(f"[id='{anchor}'] h2").first).to_be_in_viewport()


def test_it_prints(page: Page, tmp_path: Path) -> None:
    page.pdf(path=tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")


COLUMN = (
    "(table, index) => [...table.tBodies[0].rows].filter((row) => !row.hidden).map((row) => row.cells[index].innerText)"
)


def open_whole(browser: Browser, pages: Callable[[str], Path], **options: Any) -> Page:
    opened = browser.new_context(**options).new_page()
    opened.goto(pages("whole").as_uri())
    return opened


def test_a_column_sorts_up_down_and_back_by_keyboard(browser: Browser, pages: Callable[[str], Path]) -> None:
    page = open_whole(browser, pages)
    table = page.locator("#protocols table").first
    heads = table.locator("thead th")
    last = 2  # of the protocols the first, which every readout has

    def column() -> list[float]:
        texts = table.evaluate(f"(table) => ({COLUMN})(table, {last})")
        return [float(text.split()[0].replace("−", "-")) for text in texts]

    before = column()
    assert len(set(before)) > 2
    button = heads.nth(last).locator("button")
    button.focus()
    for expected, state in ((sorted(before), "ascending"), (sorted(before)[::-1], "descending"), (before, None)):
        page.keyboard.press("Enter")
        assert column() == expected
        assert heads.nth(last).get_attribute("aria-sort") == state
    page.context.close()


def test_rows_stay_under_their_heading_when_sorted(browser: Browser, pages: Callable[[str], Path]) -> None:
    page = open_whole(browser, pages)
    table = page.locator("#differences table:has(tr.group)").first
    read = """(table) => { const found = {}; let group = null;
        for (const row of table.querySelectorAll('tbody tr')) {
            if (row.classList.contains('group')) { group = row.innerText; found[group] = []; }
            else if (group) found[group].push(row.innerText);
        }
        return found; }"""
    before = table.evaluate(read)
    table.locator("thead button").nth(1).click()
    after = table.evaluate(read)
    assert list(after) == list(before)
    assert {group: sorted(rows) for group, rows in after.items()} == {g: sorted(rows) for g, rows in before.items()}
    page.context.close()


def test_a_filter_leaves_the_rows_with_all_words(browser: Browser, pages: Callable[[str], Path]) -> None:
    page = open_whole(browser, pages)
    field, table = page.locator(".filter input").first, page.locator(".filter + .scroll table").first
    plain = table.locator("tbody tr:not(:has([colspan]))")
    total = plain.count()
    field.fill("QDOT map")
    shown = table.locator("tbody tr:not(:has([colspan])):visible").all_inner_texts()
    assert 0 < len(shown) < total
    assert all("qdot" in text and "map" in text for text in shown)
    assert page.locator(".filter output").first.inner_text() == f"{len(shown)} of {total}"
    field.fill("")
    assert table.locator("tbody tr:not(:has([colspan])):visible").count() == total
    page.context.close()


def test_without_scripts_the_page_reads_the_same(browser: Browser, pages: Callable[[str], Path]) -> None:
    texts = []
    for enabled in (True, False):
        page = open_whole(browser, pages, java_script_enabled=enabled)
        texts.append(page.locator("main").inner_text() if enabled else page.inner_text("main"))
        page.context.close()
    assert texts[0].replace("Filter rows", "").replace("Single seeds", "").split() == texts[1].split()


def test_single_seeds_show_on_demand(browser: Browser, pages: Callable[[str], Path]) -> None:
    page = open_whole(browser, pages)
    lines = page.locator("#learning .seeds")
    assert lines.count() == 3 * 6 * 3  # datasets, algorithms, seeds
    expect(lines.first).to_be_hidden()
    box = page.get_by_label("Single seeds")
    box.focus()
    page.keyboard.press("Space")
    expect(lines.first).to_be_visible()
    page.keyboard.press("Space")
    expect(lines.first).to_be_hidden()
    page.context.close()


def test_a_figures_rows_can_be_saved(browser: Browser, pages: Callable[[str], Path], tmp_path: Path) -> None:
    page = open_whole(browser, pages)
    figure = page.locator("#scores figure").first
    with page.expect_download() as waiting:
        figure.get_by_role("link", name="data").click()
    waiting.value.save_as(tmp_path / "rows.csv")
    rows = pd.read_csv(tmp_path / "rows.csv")
    assert waiting.value.suggested_filename == "scores-pointmaze-umaze.csv"
    summary = pd.read_csv(pages("whole").parents[3] / "results/quick/compare/summary.csv")
    wanted = summary[
        (summary["dataset"] == "pointmaze-umaze") & (summary["protocol"] == "final") & (summary["metric"] == "mean")
    ]
    assert rows["value"].tolist() == wanted["value"].tolist()
    page.context.close()


def test_it_stays_small(page: Page) -> None:
    assert len(page.content()) < 6_000_000
