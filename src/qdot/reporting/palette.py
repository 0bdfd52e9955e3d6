"""Colours by role. Figures draw with stand-in colours that become CSS variables, so that they follow dark mode."""

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
STAND_INS = {f"#0000{index:02x}": f"--{role}" for index, role in enumerate(ROLES, start=1)}
STAND_INS |= {f"#0001{index:02x}": f"--series-{index}" for index in range(len(NAMED))}


class Look(NamedTuple):
    """How a series is drawn: a stand-in colour, the CSS variable behind it, and a dash pattern in points."""

    colour: str
    variable: str
    dashes: tuple[float, ...]


def role(name: str) -> str:
    """The stand-in colour of a role."""
    return f"#0000{ROLES.index(name) + 1:02x}"


def look(algorithm: str, algorithms: tuple[str, ...] = ()) -> Look:
    """The look of an algorithm: its own, or for one from outside the next free place in the study's order."""
    if algorithm in NAMED:
        index = NAMED.index(algorithm)
    else:
        outside = [name for name in algorithms if name not in NAMED]
        index = (3 + outside.index(algorithm)) % len(NAMED) if algorithm in outside else len(NAMED) - 1
    return Look(f"#0001{index:02x}", f"--series-{index}", DASHES[index])
