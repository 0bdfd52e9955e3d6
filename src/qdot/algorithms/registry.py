"""Algorithms by name: ours, and those that other packages register under the entry point group `qdot.algorithms`."""

from __future__ import annotations

import functools
import importlib
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from qdot.errors import ParamsError

if TYPE_CHECKING:
    from qdot.algorithms.base import Algorithm

GROUP = "qdot.algorithms"
BUILT_IN = {
    "qdot": "qdot.algorithms.qdot:QDOT",
    "no_icnn": "qdot.algorithms.no_icnn:NoICNN",
    "adversarial_map": "qdot.algorithms.adversarial_map:AdversarialMap",
    "iql": "qdot.algorithms.iql:IQL",
    "bc": "qdot.algorithms.bc:BC",
    "ddpg_bc": "qdot.algorithms.ddpg_bc:DDPGBC",
    "prox": "qdot.algorithms.prox:Prox",
    "td3_bc": "qdot.algorithms.td3_bc:TD3BC",
    "bc10": "qdot.algorithms.bc10:BC10",
    "adversarial": "qdot.algorithms.adversarial:Adversarial",
}


@functools.cache
def _locations() -> dict[str, str]:
    """`module:Class` by name; ours win over an entry point of the same name. Read once: that scans all packages."""
    return {entry.name: entry.value for entry in entry_points(group=GROUP)} | BUILT_IN


def names() -> tuple[str, ...]:
    """All known names."""
    return tuple(_locations())


def _location(name: str) -> tuple[str, str]:
    locations = _locations()
    if name not in locations:
        raise ParamsError(
            f"algorithm {name!r} is not built; expected one of: {', '.join(sorted(locations))}. "
            f"A package can add one by an entry point of the group {GROUP!r}"
        )
    module, _, attribute = locations[name].partition(":")
    return module, attribute


def entry_module(name: str) -> str:
    """Name of the module that defines an algorithm, without importing it.

    Raises:
        ParamsError: no such algorithm.
    """
    return _location(name)[0]


def get(name: str) -> type[Algorithm]:
    """The class of an algorithm.

    Raises:
        ParamsError: no such algorithm, or its entry point leads to no `Algorithm`.
    """
    from qdot.algorithms.base import Algorithm  # here: the Snakefile asks for names, and needs no torch for that

    module, attribute = _location(name)
    found = getattr(importlib.import_module(module), attribute, None)
    if not (isinstance(found, type) and issubclass(found, Algorithm)):
        raise ParamsError(
            f"algorithm {name!r}: {module}:{attribute} is {found!r}, "
            "expected a subclass of qdot.algorithms.base.Algorithm"
        )
    return found
