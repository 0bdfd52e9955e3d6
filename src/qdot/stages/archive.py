"""`qdot archive`: code, results and policies in one file, from which a reviewer evaluates without training."""

import gzip
import hashlib
import io
import json
import logging
import os
import subprocess
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qdot import params as parameters
from qdot.errors import ParamsError, ResultsError
from qdot.manifests import read_manifest
from qdot.places import DEFAULTS
from qdot.provenance import sha256_file
from qdot.stages.status import DONE, Part, parts
from qdot.study import Study

log = logging.getLogger("qdot")

MANIFEST, SUMS = "MANIFEST.json", "SHA256SUMS"
BESIDE = ("manifest.json", "runtime.json", "replay.json")  # what no manifest's `files` names


@dataclass(frozen=True)
class Member:
    """A file of the bundle.

    Attributes:
        content: Where it lies, or its bytes.
        executable: Whether it is a program.
    """

    content: Path | bytes
    executable: bool = False

    @property
    def sha256(self) -> str:
        """Of its content, as 64 hex digits."""
        if isinstance(self.content, Path):
            return sha256_file(self.content)
        return hashlib.sha256(self.content).hexdigest()


Members = dict[str, Member]  # by name, from the bundle's top folder


def run(file: Path, suites: Iterable[str], root: Path = Path()) -> None:
    """Pack a release bundle; equal input gives equal bytes.

    Args:
        file: Where to, `NAME.tar.gz`; replaced where it exists.
        suites: Suites whose results go in.
        root: The project's top folder.

    Raises:
        ParamsError: no such suite, or params.yaml places files elsewhere than a fresh clone does.
        ResultsError: no git clone, tracked files differ from the commit, or no suite has a trained cell.
    """
    if not file.name.endswith(".tar.gz") or file.is_dir():
        raise ParamsError(f"{file}: expected the name of a file that ends in .tar.gz")
    params = parameters.load(root)
    if params["places"] != DEFAULTS:
        raise ParamsError(
            f"params.yaml: places: found {params['places']}; expected {DEFAULTS}, as a bundle is laid out"
        )
    if _git(root, "status", "--porcelain", "--untracked-files=no"):
        raise ResultsError(f"{root.resolve()}: tracked files differ from the commit that would be packed; commit them")
    commit, moment = _git(root, "log", "-1", "--format=%H %ct").decode().split()
    packed, members = [], _code(root)
    for study in [Study.from_config(params, suite, root) for suite in suites]:
        record, found = _results(study)
        packed.append(record)
        members |= found
    if not any(record["packed"] for record in packed):
        raise ResultsError(
            f"{', '.join(record['suite'] for record in packed)}: no trained cell; run `make quick` first"
        )
    members[MANIFEST] = Member(_text({"schema": 1, "commit": commit, "suites": packed}))
    members[SUMS] = Member("".join(f"{member.sha256}  {name}\n" for name, member in sorted(members.items())).encode())
    _write(file, f"qdot-{commit[:12]}", members, int(moment))
    log.info("%s: %d files, %d bytes", file, len(members), file.stat().st_size)


def _git(root: Path, *arguments: str) -> bytes:
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=False)
    if done.returncode:
        raise ResultsError(
            f"git {arguments[0]}: {done.stderr.decode().strip()}; expected {root.resolve()} to be a clone"
        )
    return done.stdout


def _code(root: Path) -> Members:
    """The files of the commit."""
    with tarfile.open(fileobj=io.BytesIO(_git(root, "archive", "--format=tar", "HEAD"))) as archive:
        found = [(entry, archive.extractfile(entry)) for entry in archive if entry.isfile()]
        return {entry.name: Member(file.read(), bool(entry.mode & 0o100)) for entry, file in found if file}


def _results(study: Study) -> tuple[dict[str, Any], Members]:
    """A suite's record in the manifest, and the files of its results that today's values and code would make."""
    kept = {part: _obstacle(study, part) for part in parts(study)}
    packed = any(part.stage == "train" and reason is None for part, reason in kept.items())
    counts = Counter(f"{part.stage}: {reason or 'packed'}" for part, reason in kept.items())
    record: dict[str, Any] = {"suite": study.suite, "packed": packed, "found": dict(sorted(counts.items()))}
    if not packed:
        return record | {"left_out": ["the whole suite: no trained cell here is of today's values and code"]}, {}
    record["left_out"] = [f"{part.stage} {part.name}: {reason}" for part, reason in kept.items() if reason]
    files = [path for part, reason in kept.items() if reason is None for path in _files(part.folder)]
    return record, {study.places.name(path): Member(path) for path in files}


def _obstacle(study: Study, part: Part) -> str | None:
    """Why a result is not packed; None where it is."""
    if part.state != DONE:
        return part.state
    if part.stage != "data":
        return None
    manifest = read_manifest(part.folder / "manifest.json", "source", statuses=("ok",))
    source, licence = manifest["source"], manifest.get("licence") or "not stated"
    return None if source == "collect" else f"source {source}, licence {licence}: its host gives it, `make` fetches it"


def _files(folder: Path) -> Iterator[Path]:
    """A result's files: those that its manifest names, and what lies beside them."""
    names = {*read_manifest(folder / "manifest.json", "files")["files"], *BESIDE}
    return (folder / name for name in sorted(names) if (folder / name).is_file())


def _text(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=1) + "\n").encode()


def _write(file: Path, top: str, members: Members, moment: int) -> None:
    """Write the archive without clocks, owners or an order of the file system's; whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.partial")
    try:
        with (
            open(partial, "wb") as raw,
            gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=6) as zipped,
            tarfile.open(mode="w", fileobj=zipped, format=tarfile.PAX_FORMAT) as archive,
        ):
            for name, member in sorted(members.items()):
                _add(archive, f"{top}/{name}", member, moment)
        os.replace(partial, file)
    finally:
        partial.unlink(missing_ok=True)


def _add(archive: tarfile.TarFile, name: str, member: Member, moment: int) -> None:
    entry = tarfile.TarInfo(name)  # of user 0, group 0
    entry.mtime, entry.mode = moment, 0o755 if member.executable else 0o644
    with open(member.content, "rb") if isinstance(member.content, Path) else io.BytesIO(member.content) as content:
        entry.size = content.seek(0, os.SEEK_END)
        content.seek(0)
        archive.addfile(entry, content)
