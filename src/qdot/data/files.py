"""Files on disk: writing large ones atomically, hashing a file or a folder."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qdot.errors import DataError, unwritable
from qdot.provenance import digest, sha256_file


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` that takes its name when the block ends well, and is deleted otherwise.

    Raises:
        DataError: the folder cannot be made or written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        os.close(handle)
    except OSError as error:
        raise DataError(unwritable(path, error)) from error
    temporary = Path(name)
    try:
        yield temporary
        publish(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def publish(temporary: Path, path: Path) -> None:
    """Give a finished file beside `path` its final name, once its bytes are on the disk.

    Raises:
        DataError: the folder cannot be written.
    """
    try:
        temporary.chmod(0o644)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise DataError(unwritable(path, error)) from error


def content_sha256(path: Path) -> str:
    """SHA-256 of a file's content, or of a folder's file names and contents (hidden files left out).

    Raises:
        DataError: nothing is there.
    """
    if path.is_file():
        return sha256_file(path)
    if not path.is_dir():
        raise DataError(f"{path}: no such file or folder")
    return digest({name.relative_to(path).as_posix(): sha256_file(name) for name in visible_files(path)})


def visible_files(folder: Path) -> list[Path]:
    """Every file under `folder`, hidden ones left out, in the order of their names."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in files if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def content_bytes(path: Path) -> int:
    """Size of a file, or of all files that `content_sha256` hashes in a folder."""
    return path.stat().st_size if path.is_file() else sum(file.stat().st_size for file in visible_files(path))
