"""Where a study's files lie: section `places` of params.yaml, and environment variables that win.

A place is no part of any digest. Manifests and reports name a file by its default place (`results/quick/...`) wherever
it lies, so that results which move to another disk, or are made on another machine, stay what they are.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from qdot import params as parameters
from qdot.errors import ParamsError

DEFAULTS = {  # of params.yaml as it comes, and the names of files wherever they lie
    "raw": "data/raw",
    "prepared": "data/prepared",
    "results": "results",
    "reports": "reports/build",
    "logs": "logs",
}
VARIABLES = {name: f"QDOT_{name.upper()}" for name in DEFAULTS}
VERSIONED = ("prepared", "results", "reports")  # by DVC, which knows of dvc.yaml and the checkout alone


@dataclass(frozen=True)
class Places:
    """The folders of a study.

    Attributes:
        root: The project's top folder.
        raw: Of files as fetched or collected, and of those that are on their way.
        prepared: Of prepared datasets.
        results: Of suites.
        reports: Of pages.
        logs: Of jobs.
    """

    root: Path
    raw: Path
    prepared: Path
    results: Path
    reports: Path
    logs: Path

    @classmethod
    def of(cls, values: Mapping[str, str], root: Path = Path()) -> "Places":
        """The folders that `choose` gave."""
        return cls(root, **{name: root / values[name] for name in DEFAULTS})

    @classmethod
    def load(cls, root: Path = Path()) -> "Places":
        """The places of a project as params.yaml and the environment name them.

        Args:
            root: The project's top folder. One without params.yaml (copied results) has no section to read: its places
                are the default ones.

        Raises:
            ParamsError: params.yaml or a place is wrong.
        """
        named = parameters.load(root)["places"] if (root / "params.yaml").is_file() else DEFAULTS
        return cls.of(choose(named, root), root)

    def name(self, path: Path) -> str:
        """A file's name in manifests and reports: as if its place were the default one."""
        for place, folder in self._folders():
            if path.is_relative_to(folder):
                return (Path(DEFAULTS[place]) / path.relative_to(folder)).as_posix()
        return path.as_posix()

    def path(self, name: str) -> Path:
        """The file of such a name."""
        for place, folder in self._folders():
            if Path(name).is_relative_to(DEFAULTS[place]):
                return folder / Path(name).relative_to(DEFAULTS[place])
        return self.root / name

    def _folders(self) -> list[tuple[str, Path]]:
        return [(place, getattr(self, place)) for place in DEFAULTS]


def choose(section: Mapping[str, str], top: Path) -> dict[str, str]:
    """The folder of each place: of its environment variable where that is set, else of section `places`.

    Args:
        section: Section `places` of params.yaml.
        top: The project's top folder, which relative folders start from.

    Raises:
        ParamsError: a folder that cannot be one, that holds the project or another place, or that DVC cannot version.
    """
    chosen = {name: os.environ.get(VARIABLES[name]) or section[name] for name in DEFAULTS}
    for name, folder in chosen.items():
        if re.search(r"[~${}]", folder) or folder != folder.strip() or not folder.isprintable():
            expected = "expected a path written out, without ~, $, { or }, without controls and spaces at its ends"
            raise _wrong(name, folder, expected)
    full = {name: (top / folder).resolve() for name, folder in chosen.items()}
    for name, folder in chosen.items():
        if full[name].exists() and not full[name].is_dir():
            raise _wrong(name, folder, "is a file; expected a folder, or nothing yet")
        inside = [other for other in full if other != name and full[other].is_relative_to(full[name])]
        around = top.resolve().is_relative_to(full[name])
        if around or inside:
            held = "the project itself" if around else f"the folder of {source_of(inside[0])}"
            raise _wrong(name, folder, f"holds {held}; expected a folder of its own")
    if os.environ.get("DVC_ROOT") and Path(os.environ["DVC_ROOT"]).resolve() == top.resolve():
        for name in VERSIONED:
            if os.environ.get(VARIABLES[name]) or not full[name].is_relative_to(top.resolve()):
                advice = "DVC versions only what params.yaml places inside the project; use snakemake without dvc"
                raise _wrong(name, chosen[name], advice)
    return chosen


def source_of(name: str) -> str:
    """What sets a place now: its environment variable, or params.yaml."""
    return VARIABLES[name] if os.environ.get(VARIABLES[name]) else f"params.yaml: places.{name}"


def _wrong(name: str, folder: str, reason: str) -> ParamsError:
    return ParamsError(f"{source_of(name)}: {folder!r}: {reason}")
