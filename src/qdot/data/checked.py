"""Is a raw file the one that the table lists? And a copy of one that is."""

import shutil
from pathlib import Path

from qdot.data.d4rl import D4rlFile
from qdot.data.files import replacing
from qdot.data.hdf5 import HDF5_SIGNATURE, opened
from qdot.errors import DataError, unwritable
from qdot.provenance import sha256_file


class SourceError(DataError):
    """One source could not give the file; others may.

    Attributes:
        missing: The source answers but has no such file, so another path on it may be right.
    """

    def __init__(self, reason: str, missing: bool = False) -> None:
        """Record why."""
        super().__init__(reason)
        self.missing = missing


def check_file(path: Path, file: D4rlFile) -> tuple[int, str]:
    """Compare a file's size, kind and checksum with the table; without a checksum, see that HDF5 opens it whole.

    Returns:
        Bytes and SHA-256.

    Raises:
        SourceError: names what differs.
    """
    size = path.stat().st_size
    if file.bytes is not None and size != file.bytes:
        raise SourceError(f"wrong size: {size:,} bytes, expected {file.bytes:,}")
    with path.open("rb") as content:
        head = content.read(len(HDF5_SIGNATURE))
    if head != HDF5_SIGNATURE:
        raise SourceError(f"is no HDF5 file: starts with {head!r}")
    sha256 = sha256_file(path)
    if file.sha256 is None:
        try:
            with opened(path):
                pass
        except DataError as error:
            raise SourceError(str(error).removeprefix(f"{path}: ")) from error
    elif sha256 != file.sha256:
        raise SourceError(f"wrong sha256: {sha256}, expected {file.sha256}")
    return size, sha256


def copy(source: Path, target: Path, file: D4rlFile) -> tuple[int, str]:
    """Copy a file from a local folder, checked like a download; returns bytes and SHA-256.

    Raises:
        SourceError: the source cannot be read, or is not the file.
        DataError: the target's folder cannot be written.
    """
    try:
        check_file(source, file)
    except OSError as error:
        raise SourceError(f"cannot be read ({error.strerror or error})") from error
    with replacing(target) as temporary:
        try:
            shutil.copyfile(source, temporary)
        except OSError as error:
            raise DataError(unwritable(target, error)) from error
        return check_file(temporary, file)
