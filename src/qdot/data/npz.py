"""Arrays of an npz file: a zip archive whose members each claim a size, twice, and may be packed a thousandfold."""

import math
import tokenize
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path

import numpy as np
import numpy.typing as npt

from qdot.data.hdf5 import MAX_BYTES
from qdot.errors import DataError

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # numpy's own; others can ask for gigabytes to unpack a byte
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
# What numpy, zipfile and zlib raise on damage; TokenError is no ValueError, zlib's neither.
DAMAGE = (
    *(OSError, ValueError, EOFError, LookupError, TypeError, RuntimeError, OverflowError, MemoryError),
    *(SyntaxError, tokenize.TokenError, zipfile.BadZipFile, zlib.error),
)


def read_npz(path: Path, keys: Collection[str]) -> dict[str, npt.NDArray]:
    """The arrays of an npz file that are asked for, as far as it has them; nothing is unpickled.

    Raises:
        DataError: the file is damaged, holds objects or an array twice, or claims more than it holds.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if _key(member) in keys]
            if len(set(map(_key, members))) != len(members):
                raise DataError(f"{path}: holds an array twice; expected each once")
            claimed = sum(member.file_size for member in members)
            if claimed > MAX_BYTES:
                raise DataError(f"{path}: claims {claimed:,} bytes; at most {MAX_BYTES:,} are read")
            return {_key(member): _array(archive, member, f"{path}: {_key(member)}") for member in members}
    except DAMAGE as error:
        raise DataError(
            f"{path}: truncated, damaged, or holds objects ({str(error) or type(error).__name__}); expected arrays of "
            "numbers"
        ) from error


def _key(member: zipfile.ZipInfo) -> str:
    return member.filename.removesuffix(".npy")


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, where: str) -> npt.NDArray:
    """One array, whose header is held against the member's size before numpy makes room for it."""
    if member.compress_type not in METHODS:
        raise DataError(f"{where}: packed by method {member.compress_type}; expected {METHODS}")
    with archive.open(member) as file:
        shape, _, dtype = HEADERS[np.lib.format.read_magic(file)](file)
        held = member.file_size - file.tell()
    if dtype.kind not in "fiub":
        raise DataError(f"{where}: dtype {dtype}: holds objects or text; expected arrays of numbers")
    if any(type(width) is not int or width < 0 for width in shape) or math.prod(shape) * dtype.itemsize != held:
        raise DataError(f"{where}: header claims shape {shape} of {dtype}, but holds {held:,} bytes")
    with archive.open(member) as file:
        return np.lib.format.read_array(file, allow_pickle=False)
