"""The first screen: what was reproduced, the verdicts, how much of the paper, and one picture."""

from typing import Any

from qdot.reporting import purpose
from qdot.reporting.panels import Panel
from qdot.reporting.section import Section
from qdot.reporting.source import Source

PICTURES = ("differences", "scores")  # sections, in the order of what carries the message


def headline(source: Source, sections: list[Section]) -> dict[str, Any]:
    """What the first screen prints."""
    return {
        "purpose": purpose.purpose(source.study),
        "chosen": purpose.chosen(source.study),
        "facts": source.facts,
        "claims": source.claims,
        "picture": _picture(sections),
    }


def _picture(sections: list[Section]) -> Panel | None:
    """Differences over datasets, or of the first one; scores where nothing is compared; None where there is none."""
    figures = {section.id: section.figures for section in sections}
    for name in PICTURES:
        panels = figures[name][name].panels
        if panels:
            return next((panel for panel in panels if panel.caption == "over datasets"), panels[0])
    return None
