"""A section of the report: the one record that all of them are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qdot.reporting.source import Source


@dataclass(frozen=True)
class Section:
    """One section of the page.

    Attributes:
        id: Anchor, and the name of its template.
        title: Heading.
        shows: What one sees, in a sentence.
        made: How it was made.
        files: Files that hold its numbers.
        content: What its template prints.
    """

    id: str
    title: str
    shows: str
    made: str
    files: list[str]
    content: Mapping[str, Any]


def percent(source: Source) -> str:
    """Coverage of the study's intervals."""
    return f"{100 * source.study.params['compare']['confidence']:g}%"
