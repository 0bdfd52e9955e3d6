"""A prepared dataset's arrays, given and written block by block: no second copy of a large array is made."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from qdot.data.files import replacing
from qdot.errors import DataError, unwritable

BLOCK = 1 << 16  # rows
CODES = {np.dtype(np.float32): "F32", np.dtype(np.int64): "I64"}  # safetensors' names
ALIGNMENT = 8  # of the header, bytes


@dataclass(frozen=True)
class Column:
    """One array of a prepared dataset.

    Attributes:
        values: (n, ...), what it is taken from.
        rows: int64 (size,), which of its rows in which order; None: all of them.
        dtype: What it is stored as: float32 or int64.
    """

    values: npt.NDArray
    rows: npt.NDArray[np.int64] | None = None
    dtype: npt.DTypeLike = np.float32

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return (len(self.values if self.rows is None else self.rows), *self.values.shape[1:])

    def blocks(self) -> Iterator[npt.NDArray]:
        """The array, at most BLOCK rows at a time."""
        for start in range(0, self.shape[0], BLOCK):
            part = slice(start, start + BLOCK)
            chosen = self.values[part] if self.rows is None else self.values[self.rows[part]]
            yield np.ascontiguousarray(chosen, dtype=self.dtype)


def write_columns(path: Path, columns: Mapping[str, Column]) -> str:
    """Write columns atomically as a safetensors file, the bytes that safetensors' own writer gives.

    Returns:
        SHA-256 of the file.

    Raises:
        DataError: the folder cannot be written.
    """
    hasher = hashlib.sha256()
    # safetensors' order: the widest kind first, then by name.
    ordered = sorted(columns.items(), key=lambda item: (-np.dtype(item[1].dtype).itemsize, item[0]))
    with replacing(path) as temporary:
        try:
            with temporary.open("wb") as file:
                for part in _parts(dict(ordered)):
                    hasher.update(part)
                    file.write(part)
        except OSError as error:
            raise DataError(unwritable(path, error)) from error
    return hasher.hexdigest()


def _parts(columns: Mapping[str, Column]) -> Iterator[bytes | memoryview]:
    """The file's bytes: the header, then the arrays, one block after the other."""
    yield _header(columns)
    for column in columns.values():
        for block in column.blocks():
            yield block.data.cast("B")


def _header(columns: Mapping[str, Column]) -> bytes:
    """The header of a safetensors file: its length in 8 bytes, then JSON with kind, shape and place of each array."""
    entries, offset = {}, 0
    for name, column in columns.items():
        end = offset + int(np.prod(column.shape)) * np.dtype(column.dtype).itemsize
        kind = CODES[np.dtype(column.dtype)]
        entries[name] = {"dtype": kind, "shape": list(column.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    return len(text).to_bytes(8, "little") + text
