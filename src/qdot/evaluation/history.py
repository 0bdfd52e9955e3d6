"""Which commit last changed a rule, and whether that was before the runs that it judges."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from qdot import git, strict_yaml

UNKNOWN, UNCOMMITTED = "unknown", "uncommitted"
DECIDING = (
    "quantity",
    "datasets",
    "rule",
    "bound",
    "options",
    "stand_ins",
    "requires",
    "minimum_seeds",
    "family",
    "also",
)
SHARED = ("groups", "stand_ins", "baselines", "protocol", "minimum_seeds", "minimum_seeds_single", "paper")


class Change(NamedTuple):
    """A commit and its date (ISO 8601), or `unknown` / `uncommitted` and no date."""

    commit: str
    date: str | None


class Version(NamedTuple):
    """One committed version of the claims' file."""

    change: Change
    content: Mapping[str, Any]


class History:
    """The committed versions of the claims' file.

    What decides about a claim is its entry's quantity, datasets, rule, bound and options, and what all entries share;
    its sentence and texts may change. Code is not looked at: a rule's level stands in the text that is printed with it.

    Args:
        root: The project's top folder.
        path: The file, relative to it.
    """

    def __init__(self, root: Path, path: Path) -> None:
        """Read every version of the file; none outside a git repository, or where its history is cut short."""
        self._versions = list(_versions(root, path))

    def change(self, section: str, entry: Mapping[str, Any], content: Mapping[str, Any]) -> Change:
        """The commit in which what decides about an entry was last changed.

        Args:
            section: `claims` or `expectations`.
            entry: The entry as it is now.
            content: The whole file as it is now.
        """
        if not self._versions:
            return Change(UNKNOWN, None)
        now, found = _deciding(entry, content), Change(UNCOMMITTED, None)
        for version in self._versions:  # newest first
            old = {item["id"]: item for item in version.content.get(section) or []}
            if entry["id"] not in old or _deciding(old[entry["id"]], version.content) != now:
                break
            found = version.change
        return found


def _deciding(entry: Mapping[str, Any], content: Mapping[str, Any]) -> list[Any]:
    return [*(entry.get(key) for key in DECIDING), *(content.get(key) for key in SHARED)]


def _versions(root: Path, path: Path) -> list[Version]:
    if _git(root, "rev-parse", "--is-shallow-repository") != "false":
        return []
    lines = (_git(root, "log", "--format=%H %cI", "--", path.as_posix()) or "").splitlines()
    found = []
    for commit, date in (line.split() for line in lines):
        text = _git(root, "show", f"{commit}:./{path.as_posix()}")
        if text is not None:
            found.append(Version(Change(commit, date), _content(text)))
    return found


def _content(text: str) -> Mapping[str, Any]:
    """A committed version; one that cannot be read decides nothing, and is a change to what can."""
    try:
        content = strict_yaml.parse(text)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _git(root: Path, *arguments: str) -> str | None:
    """What git prints; None where it fails or is not installed."""
    found = git.output(root, *arguments)
    return None if found is None else found.decode().strip()


def runs(provenance: pd.DataFrame) -> pd.DataFrame:
    """Commit and end of every trained cell: `dataset, algorithm, seed, git_commit, finished`; NaN where unknown."""
    cell = ["dataset", "algorithm", "seed"]
    trained = provenance[provenance["stage"] == "train"]
    table = trained[cell].drop_duplicates()
    for name in ("git_commit", "finished"):
        field = trained[trained["field"] == f"runtime.{name}"]
        table = table.merge(field[[*cell, "value"]].rename(columns={"value": name}), how="left")
    return table


def post_hoc(rule: Change, finished: Sequence[str]) -> bool | str:
    """Whether a rule is later than the earliest run that it judges; `unknown` where either date is not known.

    Args:
        rule: The rule's last change; one that is not committed is later than any run.
        finished: Ends of the runs (ISO 8601).
    """
    if rule.commit == UNCOMMITTED:
        return True
    if rule.date is None or not finished:
        return UNKNOWN
    return datetime.fromisoformat(rule.date) > min(datetime.fromisoformat(moment) for moment in finished)
