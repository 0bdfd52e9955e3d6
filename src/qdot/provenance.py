"""What a result was made from: digests of values and files, sealed manifests, atomic writes.

A digest answers one question: would doing the work again give something else? It covers values, content of
inputs, code and package versions (`qdot.closure`). It leaves out clocks, hosts and devices.
"""

import contextlib
import functools
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from qdot import strict_json
from qdot.errors import ResultsError, unwritable

SEAL = "seal"  # a manifest's entry: the digest of all others
LONGEST_NAME, LONGEST_PART = 1024, 255  # characters that a file system takes


def digest(*values: Any) -> str:
    """SHA-256 of the canonical JSON of `values`, as 64 hex digits."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_file(path: str | Path) -> str:
    """SHA-256 of a file's content, as 64 hex digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomic(path: str | Path, content: str | bytes, durable: bool = True) -> None:
    """Write a file so that a reader sees the old content or the new, never a part.

    Args:
        path: The file.
        content: What it shall hold.
        durable: Also after a power cut: wait for the disk. What is written anew at each start need not be.

    Raises:
        ResultsError: the folder cannot be made or written.
    """
    path = Path(path)
    data = content.encode() if isinstance(content, str) else content
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = file.name
            file.write(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)
        raise ResultsError(unwritable(path, error)) from error


@contextlib.contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A new folder beside `folder` that takes its place at the end; after an error nothing has changed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        yield made
        made.chmod(0o777 & ~_umask())
        old = made.with_name(f"{made.name}.old")
        if folder.exists():
            folder.rename(old)
        made.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def clear_unfinished(folder: Path) -> None:
    """Delete what a killed `write_atomic` left in a folder; whoever writes there holds the folder's lock."""
    for path in folder.glob(".*"):
        if path.is_file():
            path.unlink(missing_ok=True)


@functools.cache
def _umask() -> int:
    """The process's file mode mask (reading it means setting it, so once)."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_json(path: str | Path, value: Any, durable: bool = True) -> None:
    """Write `value` atomically as JSON with sorted keys and a final newline."""
    write_atomic(path, json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n", durable)


def write_manifest(path: str | Path, value: Mapping[str, Any], durable: bool = True) -> None:
    """Write a mapping as `write_json` does, sealed: with a digest of itself, by which a damaged one is known."""
    write_json(path, {**value, SEAL: _seal_of(value)}, durable)


def read_json(path: str | Path) -> Any:
    """Read a JSON file; one that has a seal is held against it.

    Raises:
        ResultsError: the file is missing, is no JSON, or is not what was sealed.
    """
    try:
        with open(path, "rb") as file:
            value = strict_json.parse(file.read(strict_json.LARGEST + 1))
    except FileNotFoundError as error:
        raise ResultsError(f"{path}: no such file; run the stage that writes it") from error
    except (OSError, ValueError) as error:
        raise ResultsError(f"{path}: is no readable JSON ({error}); delete it and run its stage again") from error
    if isinstance(value, dict) and value.get(SEAL) not in (None, _seal_of(value)):
        raise ResultsError(f"{path}: is damaged (its content is not what it was sealed with); run its stage again")
    return value


def _seal_of(value: Mapping[str, Any]) -> str:
    return digest({key: entry for key, entry in value.items() if key != SEAL})


def find_json(path: str | Path) -> Any | None:
    """Read a JSON file; None where it is missing or damaged, so that its stage makes it again."""
    try:
        return read_json(path)
    except ResultsError:
        return None


def first_line(reason: Any) -> str | None:
    """A manifest's reason in one line: a sentence, or the error of a failure; None where it has none."""
    return reason["error"].splitlines()[0] if isinstance(reason, dict) else reason


def hash_files(directory: Path, names: Iterable[str]) -> dict[str, str]:
    """SHA-256 by name of the files that exist in `directory`."""
    return {name: sha256_file(directory / name) for name in names if (directory / name).is_file()}


def is_inside(name: str) -> bool:
    """Whether a file of this name, joined to a folder, lies in that folder."""
    path = PurePosixPath(name)
    short = len(name) <= LONGEST_NAME and all(len(part) <= LONGEST_PART for part in path.parts)
    return short and bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\0" not in name


def damaged_files(directory: Path, files: dict[str, str]) -> Iterator[str]:
    """Names from a manifest's `files` whose content is missing or differs from the recorded SHA-256.

    A name that leads out of the directory is one of them, and is not looked at.
    """
    for name, expected in files.items():
        path = directory / name
        if not is_inside(name) or not path.is_file() or sha256_file(path) != expected:
            yield name
