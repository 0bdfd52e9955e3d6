"""The report stage: one self-contained HTML page from a study's tables."""

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError
from markupsafe import Markup

from qdot.errors import ResultsError
from qdot.provenance import write_atomic
from qdot.reporting.findings import map_name, metric_name
from qdot.reporting.headline import headline
from qdot.reporting.palette import DARK, LIGHT, look
from qdot.reporting.printed import (
    bound,
    code,
    count,
    day,
    inequalities,
    interval,
    number,
    p_value,
    quoted,
    short,
    words,
)
from qdot.reporting.section import selection
from qdot.reporting.sections import sections
from qdot.reporting.source import Source
from qdot.study import Study

TEMPLATES = Path("reports/templates")
PAGE, SCRIPT = "index.html", "script.js"


def render(study: Study) -> Path:
    """Write the report of a study; equal tables give equal bytes.

    Returns:
        The page, `study.report_dir / "index.html"`.

    Raises:
        ResultsError: the compare stage has not run, a table is damaged, or a template is broken.
    """
    page = study.report_dir / PAGE
    try:
        template = environment(study.root / TEMPLATES).get_template("base.html")
        script = (study.root / TEMPLATES / SCRIPT).read_text(encoding="utf-8")
        source = Source(study)
        shown = sections(source)
        text = template.render(
            study=study,
            title=study.params["report"]["title"],
            selection=selection(study),
            head=headline(source, shown),
            sections=shown,
            script=Markup(script),
            script_hash=content_hash(script),
        )
    except TemplateError as error:
        raise ResultsError(
            f"{study.root / TEMPLATES}: {type(error).__name__}: {error}; restore the templates"
        ) from error
    write_atomic(page, text)
    return page


def content_hash(text: str) -> str:
    """A script as a Content-Security-Policy names it: the one script that the page may run."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def environment(directory: Path) -> Environment:
    """The templates' environment: every name must be defined, every text is escaped."""
    made = Environment(
        loader=FileSystemLoader(directory),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shown = (
        number,
        interval,
        count,
        short,
        p_value,
        bound,
        inequalities,
        quoted,
        day,
        code,
        words,
        map_name,
        metric_name,
    )
    made.filters |= {each.__name__: each for each in shown}
    made.globals |= {"look": look, "palette": {"light": LIGHT, "dark": DARK}}
    return made
