"""A matplotlib figure as inline SVG: the page's own fonts and colours, no date, equal bytes for equal figures."""

import hashlib
import io
import itertools
import re
from html import escape
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure

from qdot.reporting.palette import STAND_INS, role

ON_DEMAND = "seeds"  # how ids of what the page hides at first begin; the class that it gives them
CLASSES = {  # styles of what every figure has; style.css has the rules
    "fill: none; stroke: var(--rule); stroke-width: 0.6; stroke-linecap: square": "grid",
    "fill: var(--muted); stroke: var(--muted); stroke-width: 0.6": "tick",
    "fill: none; stroke: var(--muted); stroke-width: 0.6; stroke-linejoin: miter; stroke-linecap: square": "spine",
    "font-size: 8px; text-anchor: middle; fill: var(--muted)": "below",
    "font-size: 8px; text-anchor: end; fill: var(--muted)": "beside",
}


def style() -> Any:
    """The figures' matplotlib settings, in the colours of `palette.role`."""
    muted, rule = role("muted"), role("rule")
    return {
        "font.family": ["DejaVu Sans"],
        "font.size": 8.0,
        "svg.fonttype": "none",
        "axes.edgecolor": muted,
        "axes.labelcolor": muted,
        "axes.grid": True,
        "axes.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "grid.color": rule,
        "grid.linewidth": 0.6,
        "xtick.color": muted,
        "ytick.color": muted,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "xtick.major.size": 2.5,
        "ytick.major.size": 2.5,
        "text.color": role("ink"),
        "lines.linewidth": 1.4,
        "figure.facecolor": "none",
        "axes.facecolor": "none",
        "savefig.facecolor": "none",
    }


def inline(figure: Figure, name: str, label: str) -> Markup:
    """Draw a figure as an `<svg>` element.

    Args:
        figure: Made by a function that is `canvas.styled`.
        name: Unique on the page; prefixes every id.
        label: What the figure shows, for readers who cannot see it.
    """
    name = re.sub(r"[^\w.-]+", "-", name)  # it stands in attributes, and may hold a dataset's name
    buffer = io.StringIO()
    with mpl.rc_context({**style(), "svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", text, flags=re.DOTALL)  # style.css has the rule
    text = re.sub(rf' id="{ON_DEMAND}-[^"]*"', f' class="{ON_DEMAND}"', text)
    text = _scope_ids(_shortened(text), name)
    for stand_in, colour in STAND_INS.items():
        text = text.replace(stand_in, f"var(--{colour})")
    for rule, own in CLASSES.items():
        text = text.replace(f'style="{rule}"', f'class="{own}"')
    opening = re.search(r'viewBox="([^"]+)"', text)
    head = f'<svg viewBox="{opening.group(1) if opening else "0 0 1 1"}" role="img" aria-label="{escape(label)}">'
    return Markup(re.sub(r"<svg[^>]*>", lambda _: head, text, count=1).strip())


def _shortened(text: str) -> str:
    """Without spaces between elements, what shows nothing, turns by nothing, and fonts, which are the page's."""
    text = re.sub(r' transform="rotate\(-?0 [^"]*"', "", re.sub(r">\s+<", "><", text))
    text = _ungrouped(re.sub(r"""font-family: '[^']*'; |<path d="[^"]*" style="fill: none"/>""", "", text))
    # coordinates in hundredths of a point
    return re.sub(r' (?:d|x|y)="[^"]*"', lambda found: re.sub(r"(\.\d\d)\d+|\s*\n", r"\1", found[0]), text)


def _ungrouped(text: str) -> str:
    """Without groups that nothing refers to or styles; what they hold stays."""
    used, kept = _used(text), list[bool]()

    def group(match: re.Match[str]) -> str:
        attributes = match[1]
        if attributes is None:
            return match[0] if kept.pop() else ""
        if attributes.endswith("/"):
            return ""  # of nothing
        name = re.fullmatch(r' id="([^"]+)"', attributes)
        kept.append(bool(attributes) and (name is None or name[1] in used))
        return match[0] if kept[-1] else ""

    return re.sub(r"<g\b([^>]*)>|</g>", group, text)


def _used(text: str) -> set[str]:
    """Ids that something refers to."""
    return set(re.findall(r'(?:href="|url\()#([\w-]+)', text))


def _scope_ids(text: str, name: str) -> str:
    """Drop ids that nothing refers to; make the others short, and unique on the page."""
    prefix, numbers = hashlib.blake2s(name.encode(), digest_size=5).hexdigest(), itertools.count()
    short = {own: f"i{prefix}-{next(numbers)}" for own in sorted(_used(text))}

    def rename(match: re.Match[str]) -> str:
        return f' id="{short[match[1]]}"' if match[1] in short else ""

    text = re.sub(r' id="([^"]+)"', rename, text)
    return re.sub(r'((?:href="|url\()#)([\w-]+)', lambda match: match[1] + short[match[2]], text)
