"""The tables of a run by the name that a user gives: a suite, a subset, a kept folder, or either one at a commit."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from qdot import git
from qdot.errors import ResultsError
from qdot.kept import MANIFEST, Kept, folders
from qdot.places import Places
from qdot.provenance import damaged_files, read_json, write_atomic
from qdot.results import compare_dir, vouched

TABLES = ("scores.csv", "returns.csv", "values.csv")  # that a comparison reads


@dataclass(frozen=True)
class Run:
    """One run's tables.

    Attributes:
        name: Where they lie, in words.
        directory: The folder to read them from.
    """

    name: str
    directory: Path


@contextmanager
def find(named: str, root: Path) -> Iterator[Run]:
    """The tables of a run; those of a commit lie in a temporary folder until the end.

    Args:
        named: A suite, a subset's name in results/subsets, a folder that `qdot keep` wrote, or `COMMIT:` and one of
            these.
        root: The project's top folder.

    Raises:
        ResultsError: there is no such run, its tables are not at hand, or they are damaged.
    """
    commit, colon, name = named.partition(":")
    if not colon:
        yield _here(named, root)
        return
    with tempfile.TemporaryDirectory() as made:
        yield _at_commit(commit, name.rstrip("/"), root, Path(made) / "tables")


def _here(named: str, root: Path) -> Run:
    if (root / named / MANIFEST).is_file():
        kept = Kept.read(root / named)
        return Run(f"{named.rstrip('/')} ({_kept_as(kept.manifest)})", kept.directory)
    try:
        tables = compare_dir(named, root)
    except ResultsError as error:
        kept_here = ", ".join(folder.relative_to(root).as_posix() for folder in folders(root))
        raise ResultsError(f"{error}; or name a folder with a {MANIFEST}: {kept_here or 'there is none'}") from error
    vouched(tables)
    return Run(Places.load(root).name(tables), tables)


def _kept_as(manifest: Mapping[str, Any]) -> str:
    return f"kept run of suite {manifest['suite']}{', partial' if manifest['status'] == 'partial' else ''}"


def _at_commit(commit: str, name: str, root: Path, made: Path) -> Run:
    """Tables as of a commit: of a kept folder by git, else of a suite by DVC."""
    found = git.output(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}")
    if found is None:
        raise ResultsError(
            f"{commit}:{name}: git knows no commit {commit!r} here; expected COMMIT:SUITE or COMMIT:FOLDER"
        )
    full = found.decode().strip()
    manifest = git.output(root, "show", f"{full}:./{name}/{MANIFEST}")
    if manifest is None:
        return _by_dvc(full, name, root, made)
    write_atomic(made / MANIFEST, manifest)
    for table in TABLES:
        content = git.output(root, "show", f"{full}:./{name}/{table}")
        if content is None:
            raise ResultsError(f"{name} at {full[:10]}: keeps no {table}; expected a folder that `qdot keep` wrote")
        write_atomic(made / table, content)
    kept = read_json(made / MANIFEST)
    damaged = list(damaged_files(made, {table: kept["files"].get(table, "") for table in TABLES}))
    if damaged:
        raise ResultsError(f"{name} at {full[:10]}: {', '.join(damaged)}: another SHA-256 than {MANIFEST} records")
    return Run(f"{name} at {full[:10]} ({_kept_as(kept)})", made)


def _by_dvc(commit: str, name: str, root: Path, made: Path) -> Run:
    """Tables of a suite that dvc.lock recorded at a commit, from DVC's cache or, where one is set, its remote."""
    path = os.path.relpath(Places.load(root).results / name / "compare", root)
    tracked = _tracked(commit, root)
    if path not in tracked:
        recorded = ", ".join(out for out in tracked if Path(out).name == "compare") or "no tables"
        kept = ", ".join(_kept_folders(commit, root)) or "none"
        raise ResultsError(
            f"{commit[:10]} has no tables of {name!r}: dvc.lock records {recorded}; kept folders: {kept}. "
            f"Expected COMMIT: and one of these"
        )
    # DVC's own command, not its modules: it ends in a message whatever a remote's plug-in raises.
    source = [str(root.resolve()), path, "--rev", commit, "--out", str(made)]
    done = subprocess.run([sys.executable, "-m", "dvc", "get", *source], capture_output=True, text=True, check=False)
    if done.returncode:
        reason = next((line for line in done.stderr.splitlines() if line.startswith("ERROR")), done.stderr.strip())
        raise ResultsError(
            f"{path} at {commit[:10]}: dvc.lock records it, and DVC could not get its files ({reason}); expected them "
            f"in DVC's cache here or in its remote: run `dvc push` where the suite ran, or run it again at that commit"
        )
    vouched(made)
    return Run(f"{path} at {commit[:10]}", made)


def _tracked(commit: str, root: Path) -> Sequence[str]:
    """Paths of the outputs that a commit's dvc.lock records; none where it has no such file."""
    text = git.output(root, "show", f"{commit}:./dvc.lock")
    stages = (yaml.safe_load(text) or {}).get("stages", {}) if text is not None else {}
    return [out["path"] for stage in stages.values() for out in stage.get("outs", [])]


def _kept_folders(commit: str, root: Path) -> Sequence[str]:
    """Folders with a kept run, at a commit."""
    listed = git.output(root, "ls-tree", "-r", "--name-only", commit) or b""
    return [Path(name).parent.as_posix() for name in listed.decode().splitlines() if Path(name).name == MANIFEST]
