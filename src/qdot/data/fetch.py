"""A D4RL file into `data/raw`: what is already there, a local mirror, the official server, the mirrors."""

import logging
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from qdot.data.checked import SourceError, check_file, copy
from qdot.data.d4rl import D4rlFile
from qdot.data.download import Progress, Sleep, download
from qdot.errors import DataError

log = logging.getLogger("qdot")

MIRROR_VARIABLE = "QDOT_D4RL_MIRROR"


@dataclass(frozen=True)
class Fetched:
    """A raw file that may be read.

    Attributes:
        path: Where it lies.
        source: Where the bytes came from: a URL, `local mirror` or `already here`.
        bytes: Size.
        sha256: Checksum as measured.
        verified: Whether a published checksum says that these are the right bytes.
    """

    path: Path
    source: str
    bytes: int
    sha256: str
    verified: bool


def address(base: str, name: str) -> str:
    """The URL of a file under a server's base URL."""
    return f"{base.rstrip('/')}/{quote(name)}"


def _addresses(base: str, name: str) -> Iterator[str]:
    """Where to ask for a file: by https where the host has it, else as told."""
    url = address(base, name)
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.port is None:
        yield parts._replace(scheme="https").geturl()
    yield url


def fetch(
    file: D4rlFile,
    raw_directory: Path,
    params: Mapping[str, Any],
    progress: Progress = log.info,
    sleep: Sleep = time.sleep,
) -> Fetched:
    """Find or fetch a D4RL file.

    Args:
        file: Its row of the table.
        raw_directory: Where raw files lie (`data/raw`).
        params: Section `data` of params.yaml: `base_url`, `mirrors`, `local_mirror`, `timeout_seconds`.
        progress: Called with lines that say how far it is.
        sleep: Waits between tries of a download.

    Raises:
        DataError: no source had it; names each with its reason, and what to do.
    """
    target = raw_directory / file.name
    reasons: list[str] = []
    try:
        return _present(file, target)
    except SourceError as error:
        reasons.append(f"{target}: {error}")
    for source, size, sha256 in _attempts(file, target, params, (progress, sleep), reasons):
        verified = file.sha256 is not None
        progress(f"{file.name}: from {source}, {'verified' if verified else 'unverified: no checksum is known'}")
        return Fetched(target, source, size, sha256, verified)
    raise DataError(
        f"{file.dataset}: no source gave {file.path}. Tried:\n  "
        + "\n  ".join(reasons)
        + f"\nPut the file at {target}, or set {MIRROR_VARIABLE} (or data.local_mirror) to a folder that holds "
        f"{file.path} or {file.name}, or add a mirror to data.mirrors"
    )


def _present(file: D4rlFile, target: Path) -> Fetched:
    """The file in `data/raw`, if it is the right one."""
    if not target.is_file():
        raise SourceError("no such file", missing=True)
    return Fetched(target, "already here", *check_file(target, file), file.sha256 is not None)


def _attempts(
    file: D4rlFile, target: Path, params: Mapping[str, Any], hooks: tuple[Progress, Sleep], reasons: list[str]
) -> Iterator[tuple[str, int, str]]:
    """(source, bytes, sha256) of each source that gives the right file, tried one by one; the others' reasons."""
    folder = os.environ.get(MIRROR_VARIABLE) or params["local_mirror"]
    if folder:
        for source in (Path(folder) / file.path, Path(folder) / file.name):
            try:
                yield "local mirror", *copy(source, target, file)
            except SourceError as error:
                reasons.append(f"{source}: {error}")
    else:
        reasons.append(f"{MIRROR_VARIABLE} and data.local_mirror: not set")
    for base in (params["base_url"], *params["mirrors"]):
        names = (file.path,) if base == params["base_url"] else dict.fromkeys((file.path, file.name))
        for name in names:
            missing = False
            for url in _addresses(base, name):
                try:
                    yield url, *download(url, target, file, params["timeout_seconds"], *hooks)
                except SourceError as error:
                    reasons.append(f"{url}: {error}")
                    missing = error.missing
            if not missing:
                break
