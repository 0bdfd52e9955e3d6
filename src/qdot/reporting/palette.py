"""Colours by role. Figures draw with stand-in colours that become CSS variables, so that they follow dark mode."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

ROLES = ("ink", "muted", "rule", "paper")
NAMED = (
    *("qdot", "iql", "bc", "no_icnn", "adversarial", "ddpg_bc", "td3_bc", "bc10", "prox"),
    *("no_icnn_a", "no_icnn_c", "adversarial_map"),
)
DASHES = (
    *((), (5, 2), (1, 1.6), (6, 2, 1, 2), (3, 1.5), (8, 2), (2, 2), (5, 1, 1, 1, 1, 1), (4, 4)),
    *((7, 1, 1, 1), (2, 1), (9, 1, 2, 1)),
)
LIGHT = {
    **{"ink": "#1b1e21", "muted": "#5c646c", "rule": "#dcdfe2", "paper": "#fdfdfb", "raised": "#f5f5f2"},
    **{"accent": "#0a5c6e", "good": "#1d6b3a", "bad": "#a52a22", "open": "#7a5a00"},
    **{"series-0": "#b8321f", "series-1": "#1f5fa8", "series-2": "#6b7178", "series-3": "#c27a00"},
    **{"series-4": "#8a3d9c", "series-5": "#00796b", "series-6": "#4a7d1d", "series-7": "#7d5a3c"},
    **{"series-8": "#c2467f", "series-9": "#936000", "series-10": "#5b5ea6", "series-11": "#00708a"},
}
DARK = {
    **{"ink": "#e7e9eb", "muted": "#9ba4ac", "rule": "#30363c", "paper": "#14171a", "raised": "#1c2024"},
    **{"accent": "#78c4d4", "good": "#7cc795", "bad": "#f08a80", "open": "#dcb65a"},
    **{"series-0": "#f2806c", "series-1": "#7ab0ee", "series-2": "#a4abb2", "series-3": "#e8b04a"},
    **{"series-4": "#cf94de", "series-5": "#55c2b2", "series-6": "#9ccc65", "series-7": "#c7a382"},
    **{"series-8": "#f08fbb", "series-9": "#d9c068", "series-10": "#a9acf0", "series-11": "#66c6dd"},
}
STAND_INS = {f"#0000{index:02x}": name for index, name in enumerate(ROLES, start=1)}
STAND_INS |= {f"#0001{index:02x}": f"series-{index}" for index in range(len(NAMED))}
ON_THE_PAGE = {name: colour for colour, name in STAND_INS.items()}
_colours: ContextVar[Mapping[str, str] | None] = ContextVar("colours", default=None)


class Look(NamedTuple):
    """How a series is drawn: a colour, the name of that colour in the palette, and a dash pattern in points."""

    colour: str
    name: str
    dashes: tuple[float, ...]


@contextmanager
def drawn_in(colours: Mapping[str, str]) -> Iterator[None]:
    """Draw with these colours (`LIGHT`) in place of the stand-ins, for a figure outside the page."""
    token = _colours.set(colours)
    try:
        yield
    finally:
        _colours.reset(token)


def role(name: str) -> str:
    """The colour of a role: a stand-in, unless `drawn_in` says otherwise."""
    return (_colours.get() or ON_THE_PAGE)[name]


def look(algorithm: str, algorithms: tuple[str, ...] = ()) -> Look:
    """The look of an algorithm: its own, or for one from outside the next free place in the study's order."""
    if algorithm in NAMED:
        index = NAMED.index(algorithm)
    else:
        outside = [name for name in algorithms if name not in NAMED]
        index = (3 + outside.index(algorithm)) % len(NAMED) if algorithm in outside else len(NAMED) - 1
    return Look(role(f"series-{index}"), f"series-{index}", DASHES[index])
