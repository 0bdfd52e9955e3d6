"""Screenshots of the report for docs/screenshots: `make screenshots`. Their numbers are invented, as the tests' are."""

import io
import shutil
import sys
import tempfile
from pathlib import Path

from fake_study import TOP, new_study
from PIL import Image
from playwright.sync_api import Page, sync_playwright
from report_kinds import KINDS

from qdot.evaluation.compare import compare
from qdot.reporting.render import render

FOLDER = TOP / "docs/screenshots"
WIDTHS = (360, 768, 1440)
HEIGHT = 1400
QUALITY = 60  # of WebP


def shoot(page: Page, name: str) -> None:
    """Save what is seen."""
    image = Image.open(io.BytesIO(page.screenshot()))
    image.save(FOLDER / f"{name}.webp", quality=QUALITY)


def views(page: Page, kind: str) -> None:
    """The first screen at every width, in both schemes and as printed; on the widest also the scores."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.evaluate("scrollTo(0, 0)")
            shoot(page, f"{kind}-{width}-{scheme}")
        page.emulate_media(media="print", color_scheme="light")
        shoot(page, f"{kind}-{width}-print")
        page.emulate_media(media="screen")
    page.evaluate("document.querySelector('#scores').scrollIntoView({behavior: 'instant'})")
    shoot(page, f"{kind}-{WIDTHS[-1]}-scores")


def main() -> None:
    """Make the pages of every kind, and look at each."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("no chromium on this machine; install it (Debian: apt-get install chromium)")
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as driver, tempfile.TemporaryDirectory() as made:
        opened = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        for kind, (suite, config, prepare) in KINDS.items():
            study = new_study(
                Path(made) / kind, suite, **config, report={"title": "Invented numbers, to test the page"}
            )
            prepare(study)
            compare(study)
            page = opened.new_page()
            page.goto(render(study).as_uri())
            views(page, kind)
            page.close()
        opened.close()


if __name__ == "__main__":
    main()
