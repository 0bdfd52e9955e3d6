"""The report stage: one self-contained HTML page from a study's tables."""

import base64
import hashlib
import math
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError
from markupsafe import Markup, escape

from qdot.errors import ResultsError
from qdot.provenance import write_atomic
from qdot.reporting.findings import map_name, metric_name
from qdot.reporting.palette import look
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
        text = template.render(
            study=study,
            title=study.params["report"]["title"],
            sections=sections(Source(study)),
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
    made.filters |= {"number": number, "interval": interval, "count": count, "code": code, "words": words}
    made.filters |= {
        "short": short,
        "p_value": p_value,
        "map_name": map_name,
        "metric_name": metric_name,
        "bound": bound,
    }
    made.globals["look"] = look
    return made


def _known(value: Any) -> bool:
    return value is not None and str(value) not in ("nan", "<NA>", "None", "")


def number(value: Any, digits: int = 1) -> str:
    """A number with a fixed number of decimals and a true minus sign; a dash where there is none."""
    if not _known(value) or not math.isfinite(float(value)):
        return "–"
    text = f"{float(value):,.{digits}f}"
    return "0" + text[2:] if text.startswith("-0") and float(text) == 0 else text.replace("-", "−")


def interval(record: Any, digits: int = 1) -> str:
    """`[low, high]`; empty where one seed gives none."""
    low, high = record.low, record.high
    return f"[{number(low, digits)}, {number(high, digits)}]" if math.isfinite(low) and math.isfinite(high) else ""


def count(value: Any) -> str:
    """A whole number with thousands separators; a dash where there is none."""
    return f"{int(float(value)):,}" if _known(value) else "–"


def code(text: str) -> Markup:
    """Text whose `quoted` parts are code."""
    parts = text.split("`")
    pieces = (Markup("<code>{}</code>").format(part) if i % 2 else escape(part) for i, part in enumerate(parts))
    return Markup("").join(pieces)


def words(name: str) -> str:
    """A name of ours as words: `best_of_n` -> `best of n`."""
    return name.replace("_", " ")


def short(value: Any) -> str:
    """A number with three significant digits, whatever its size; a dash where there is none."""
    if not _known(value) or not math.isfinite(float(value)):
        return "–"
    number = float(value)
    text = f"{number:.3g}"
    if "e" not in text:
        return text.replace("-", "−")
    digits, _, power = f"{number:.1e}".partition("e")
    return f"{digits.removesuffix('.0')}e{int(power)}".replace("-", "−")


def p_value(value: Any) -> str:
    """A p-value; a dash where there is none."""
    if not _known(value):
        return "–"
    return "< 0.001" if float(value) < 0.001 else f"{float(value):.3f}"


def bound(threshold: str) -> str:
    """A bound as the page prints it: `< 0.05`, `> 10`."""
    sign, _, value = threshold.partition(" ")
    return f"{sign} {short(value)}"
