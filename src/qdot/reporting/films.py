"""Animations of rollouts on the page: pictures inside it, as many as its size allows, and what is left out by name."""

import base64
import re
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from qdot.errors import ResultsError
from qdot.reporting import wording
from qdot.reporting.rolled import Rolled
from qdot.reporting.source import Source
from qdot.reporting.sourced import records
from qdot.reporting.tables import known
from qdot.study import slug

EACH = 300_000  # characters of an animation in the page
ALL = 800_000  # of all pictures: a kept run, its tables included, is 5 MiB at most, and a page 6 MB


@dataclass(frozen=True)
class Film:
    """An animation with its still.

    Attributes:
        caption: Its heading.
        name: Unique on the page.
        still: A data URL of the picture in its middle.
        moving: A data URL of the animation.
        said: What the still shows, in words.
        moved: What the animation adds.
        path: The animation's file.
        row: Its row of rollouts.csv.
    """

    caption: str
    name: str
    still: str
    moving: str
    said: str
    moved: str
    path: str
    row: Any


def films(source: Source, found: list[Rolled]) -> tuple[list[Film], list[Film]]:
    """Animations that the page shows and those that it has no room for, both in the study's order.

    A method is shown on every dataset before the next one is: a page with little room compares tasks rather than one.
    """
    made = [[_film(each, row) for row in records(each.rows) if known(row.animation)] for each in found]
    shown, room = set(), ALL
    for film in (film for turn in zip_longest(*made) for film in turn if film is not None):
        size = len(film.still) + len(film.moving)
        if size <= room and len(film.moving) <= EACH:
            shown.add(film.name)
            room -= size
    every = [film for own in made for film in own]
    return [film for film in every if film.name in shown], [film for film in every if film.name not in shown]


def _film(rolled: Rolled, row: Any) -> Film:
    caption = f"{row.dataset}: {row.algorithm}".replace("_", " ")
    return Film(
        caption,
        re.sub(r"[^\w.-]+", "-", f"rollout-{slug(row.dataset)}-{row.algorithm}".replace("_", "-")),
        _url(rolled, row.still),
        _url(rolled, row.animation),
        f"{caption}, a picture from the middle. {wording.episode(row)}",
        f"{caption}, moving: {int(row.frames)} pictures in {row.seconds:.3g} s, of the first {int(row.shown)} steps.",
        f"{rolled.name}/{row.animation}",
        row,
    )


def _url(rolled: Rolled, file: str) -> str:
    """A picture as a data URL.

    Raises:
        ResultsError: the manifest does not vouch for the file, or it is no WebP.
    """
    content = (rolled.folder / file).read_bytes() if file in rolled.files else b""
    if content[:4] + content[8:12] != b"RIFFWEBP":
        fault = "is no WebP" if content else "is not among the files that manifest.json records"
        raise ResultsError(f"{rolled.folder / 'rollouts.csv'}: {file!r} {fault}; delete manifest.json and run again")
    return "data:image/webp;base64," + base64.b64encode(content).decode()
