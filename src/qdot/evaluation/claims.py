"""claims.yaml: the paper's claims, our expectations and how each is judged; reading and checking the file."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from qdot import resources
from qdot.errors import ResultsError
from qdot.evaluation import quantities, rules

CLAIMS = Path("workflow/resources/claims.yaml")
SECTIONS = ("claims", "expectations")
PART = {"quantity", "what", "datasets", "rule", "bound"}
PART_OPTIONAL = {"options", "stand_ins", "requires"}
KEYS = {
    "claims": {"id", "sentence", "paper", "deviations"} | PART,
    "expectations": {"id", "sentence"} | PART,
}
OPTIONAL = {"inferred", "minimum_seeds", "remarks", "family", "also"} | PART_OPTIONAL
Names = Sequence[str | Sequence[str]]


def load(root: Path) -> dict[str, Any]:
    """Read and check claims.yaml.

    Raises:
        ResultsError: it cannot be read or breaks its schema, an entry's keys are wrong, a rule or quantity is unknown.
    """
    path, content = root / CLAIMS, resources.read(root, CLAIMS, "claims")
    for section in SECTIONS:
        for entry in content[section]:
            where = f"{path}: {section[:-1]} {entry.get('id', '?')}"
            _check_keys(where, entry, KEYS[section], OPTIONAL)
            for part in entry.get("also", []):
                _check_keys(f"{where}, also", part, PART, PART_OPTIONAL)
            _check_parts(where, list(parts(entry)))
    return content


def _check_keys(where: str, found: Mapping[str, Any], needed: set[str], optional: set[str]) -> None:
    missing, unknown = needed - set(found), set(found) - needed - optional
    if missing or unknown:
        raise ResultsError(f"{where}: keys missing: {sorted(missing)}, unknown: {sorted(unknown)}")


def _check_parts(where: str, found: Sequence[Mapping[str, Any]]) -> None:
    levels = {rules.find(part["rule"]).level for part in found}
    if len(levels) > 1:
        raise ResultsError(f"{where}: its parts have rules of levels {sorted(levels)}; expected one level")
    for part in found:
        if part["quantity"] not in quantities.QUANTITIES:
            known = ", ".join(quantities.QUANTITIES)
            raise ResultsError(f"{where}: unknown quantity {part['quantity']!r}; expected one of: {known}")


def parts(entry: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The statements that an entry is made of, all of which must hold: its own, and those under `also`."""
    yield entry
    yield from entry.get("also", [])


def paper_datasets(content: Mapping[str, Any]) -> set[str]:
    """Every dataset of the paper's study, both versions of AntMaze."""
    return {dataset for group in content["groups"].values() for dataset in group}


def expand(names: Names, groups: Mapping[str, Sequence[str]], present: Callable[[str], bool]) -> list[str]:
    """Dataset names of groups and single names; of a list of alternatives, the first that has a dataset present."""
    found: list[str] = []
    for name in names:
        options = [name] if isinstance(name, str) else list(name)
        sets = [list(groups.get(option, [option])) for option in options]
        found += next((option for option in sets if any(map(present, option))), sets[0])
    return found
