"""What files hold, read again only where size or time stamp changed: SHA-256 from run to run, manifests within one."""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qdot.data.files import content_sha256
from qdot.manifests import find_manifest, find_record
from qdot.provenance import write_json

HASHES = Path(".snakemake/recipes/hashes.json")
KEPT_READ = 4096  # manifests that stay in memory: several datasets' worth of one algorithm's seeds


@functools.cache
def _hashes() -> dict[str, Any]:
    """[size, time stamp, SHA-256] of files by path, as earlier runs found them; the newest alone."""
    return find_record(HASHES)


def save() -> None:
    """Write down what was found, for the next run."""
    if find_record(HASHES) != _hashes():
        write_json(HASHES, _hashes())


def content(path: Path) -> str | None:
    """SHA-256 of a file or a folder's files, None where there is none."""
    files = [path] if path.is_file() else [entry for entry in path.rglob("*") if entry.is_file()]
    if not files:
        return None
    stats = [entry.stat() for entry in files]
    stamp = [sum(stat.st_size for stat in stats), max(stat.st_mtime_ns for stat in stats)]
    found = _hashes().get(str(path))
    if not (isinstance(found, list) and len(found) == 3 and found[:2] == stamp):
        found = _hashes()[str(path)] = [*stamp, content_sha256(path)]
    return str(found[2])


def intact(directory: Path, files: Mapping[str, str]) -> bool:
    """Whether every file that a manifest names is there with the content that it recorded."""
    return all(content(directory / name) == expected for name, expected in files.items())


def manifest(path: Path, *needed: str) -> Mapping[str, Any] | None:
    """A manifest as `find_manifest` reads it, to be looked at and not changed."""
    try:
        found = path.stat()
    except OSError:
        return None
    return _manifest(path, needed, found.st_ino, found.st_size, found.st_mtime_ns)


@functools.lru_cache(KEPT_READ)
def _manifest(path: Path, needed: tuple[str, ...], *_stamp: int) -> Mapping[str, Any] | None:
    return find_manifest(path, *needed)
