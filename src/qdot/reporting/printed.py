"""How the page prints values: rounded, with a true minus sign, and each with the cell that it stands in."""

import math
from typing import Any

from markupsafe import Markup, escape

from qdot.reporting.sourced import Number, Text

DASH = "–"


def _known(value: Any) -> bool:
    return value is not None and str(value) not in ("nan", "<NA>", "None", "")


def printed(value: Any, text: str) -> Markup:
    """A text that stands for a value; the page names the value's cell where it has one."""
    if isinstance(value, Number):
        return Markup('<data value="{}" data-src="{}">{}</data>').format(f"{value:.10g}", value.source, text)
    if isinstance(value, Text):
        return Markup('<data value="{}" data-src="{}">{}</data>').format(value, value.source, text)
    return escape(text)


def number(value: Any, digits: int = 1) -> Markup:
    """A number with a fixed number of decimals and a true minus sign; a dash where there is none."""
    if not _known(value) or not math.isfinite(float(value)):
        return Markup(DASH)
    text = f"{float(value):,.{digits}f}"
    text = "0" + text[2:] if text.startswith("-0") and float(text) == 0 else text.replace("-", "−")
    return printed(value, text)


def interval(record: Any, digits: int = 1) -> Markup:
    """`[low, high]`; empty where one seed gives none."""
    low, high = record.low, record.high
    if not (math.isfinite(low) and math.isfinite(high)):
        return Markup("")
    return Markup("[{}, {}]").format(number(low, digits), number(high, digits))


def count(value: Any) -> Markup:
    """A whole number with thousands separators; a dash where there is none."""
    return printed(value, f"{int(float(value)):,}") if _known(value) else Markup(DASH)


def short(value: Any) -> Markup:
    """A number with three significant digits, whatever its size; a dash where there is none."""
    if not _known(value) or not math.isfinite(float(value)):
        return Markup(DASH)
    text = f"{float(value):.3g}"
    if "e" in text:
        digits, _, power = f"{float(value):.1e}".partition("e")
        text = f"{digits.removesuffix('.0')}e{int(power)}"
    return printed(value, text.replace("-", "−"))


def p_value(value: Any) -> Markup:
    """A p-value; a dash where there is none."""
    if not _known(value):
        return Markup(DASH)
    return printed(value, "< 0.001" if float(value) < 0.001 else f"{float(value):.3f}")


def bound(threshold: str) -> Markup:
    """A bound as the page prints it: `< 0.05`, `> 10`."""
    sign, _, value = threshold.partition(" ")
    return printed(threshold, f"{sign} {short(float(value))}")


def inequalities(bounds: Any) -> Markup:
    """Bounds as mathematics has them: `joint_error <= 0.006` -> `joint error ≤ 0.006`; a dash where there are none."""
    return printed(bounds, words(str(bounds)).replace("<=", "≤")) if _known(bounds) else Markup(DASH)


def quoted(text: Any) -> Markup:
    """A text of a table or file, word for word; a dash where there is none."""
    return printed(text, str(text)) if _known(text) else Markup(DASH)


def day(moment: Any) -> Markup:
    """The day of a moment in ISO 8601."""
    return printed(moment, str(moment)[:10])


def code(text: str) -> Markup:
    """Text whose `quoted` parts are code."""
    parts = text.split("`")
    pieces = (Markup("<code>{}</code>").format(part) if i % 2 else escape(part) for i, part in enumerate(parts))
    return Markup("").join(pieces)


def words(name: str) -> str:
    """A name of ours as words: `best_of_n` -> `best of n`."""
    return name.replace("_", " ")
