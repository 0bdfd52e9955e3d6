"""A section of the report: the one record that all of them are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from qdot.reporting.panels import Panels
from qdot.reporting.purpose import chosen
from qdot.study import Study


@dataclass(frozen=True)
class Section:
    """One section of the page.

    Attributes:
        id: Anchor, and the name of its template.
        title: Heading.
        shows: What one sees, in a sentence; a `Markup` names the cells of its numbers.
        made: How it was made; as `shows`.
        stage: The stage that makes its numbers again.
        files: Files that hold its numbers.
        content: What its template prints.
        figures: Its figures, by what its template calls them.
    """

    id: str
    title: str
    shows: str
    made: str
    stage: str
    files: list[str]
    content: Mapping[str, Any]
    figures: Mapping[str, Panels] = field(default_factory=dict)


def selection(study: Study) -> str:
    """What names the study on Snakemake's command line: `suite=quick dataset=pendulum`."""
    return f"suite={study.suite} {chosen(study)}".rstrip()
