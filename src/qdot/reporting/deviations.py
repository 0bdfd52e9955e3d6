"""docs/deviations.md: what the paper leaves open and what was chosen here, entry by entry."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from qdot.errors import ResultsError


@dataclass(frozen=True)
class Deviation:
    """An entry of docs/deviations.md.

    Attributes:
        id: What claims.yaml refers to.
        title: Its heading.
        lines: Text by label (`Paper`, `Here`, `Parameter`, `Alternatives`, `State`).
    """

    id: str
    title: str
    lines: Mapping[str, str]

    @property
    def parameters(self) -> list[str]:
        """Dotted keys of params.yaml that the entry names."""
        return re.findall(r"`([^`]+)`", self.lines["Parameter"])


LABELS = ["Paper", "Here", "Parameter", "Alternatives", "State"]


def read_deviations(path: Path) -> list[Deviation]:
    """Parse the list of deviations.

    Raises:
        ResultsError: the file is missing, or an entry lacks one of its lines.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ResultsError(f"{path}: cannot be read ({error.strerror}); restore it from the repository") from error
    entries = []
    for block in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        heading, _, body = block.partition("\n")
        name, colon, title = heading.partition(": ")
        lines = {k: " ".join(v.split()) for k, v in re.findall(r"^- (\w+): (.*?)(?=^- |\Z)", body, re.M | re.S)}
        if not colon or list(lines) != LABELS:
            raise ResultsError(f"{path}: entry {heading!r}: found {list(lines)}, expected `## id: title` and {LABELS}")
        entries.append(Deviation(name, title.strip(), lines))
    return entries
