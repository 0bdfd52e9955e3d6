"""A matplotlib figure as inline SVG: the page's own fonts and colours, no date, equal bytes for equal figures."""

import io
import re
from html import escape
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure

from qdot.reporting.palette import STAND_INS, role

ON_DEMAND = "seeds"  # how ids of what the page hides at first begin; the class that it gives them


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
    opening = re.search(r'viewBox="([^"]+)"', text)
    head = f'<svg viewBox="{opening.group(1) if opening else "0 0 1 1"}" role="img" aria-label="{escape(label)}">'
    return Markup(re.sub(r"<svg[^>]*>", lambda _: head, text, count=1).strip())


def _shortened(text: str) -> str:
    """Without spaces between elements and turns by nothing; coordinates in hundredths of a point."""
    text = re.sub(r' transform="rotate\(-?0 [^"]*"', "", re.sub(r">\s+<", "><", text))
    return re.sub(r' (?:d|x|y)="[^"]*"', lambda found: re.sub(r"(\.\d\d)\d+|\s*\n", r"\1", found[0]), text)


def _scope_ids(text: str, name: str) -> str:
    """Drop ids that nothing refers to; make the others unique on the page."""
    used = set(re.findall(r'(?:href="|url\()#([\w-]+)', text))

    def rename(match: re.Match[str]) -> str:
        return f' id="{name}-{match.group(1)}"' if match.group(1) in used else ""

    text = re.sub(r' id="([^"]+)"', rename, text)
    return re.sub(r'((?:href="|url\()#)', rf"\g<1>{name}-", text)
