"""A reader that damaged files are put before."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Target:
    """A reader.

    Attributes:
        name: Of the target.
        prepare: Fills an empty folder with what the reader needs beside, and gives valid files of its format.
        read: Puts a file's bytes into that folder, and reads them as the project does.
        text: Whether the format is text.
    """

    name: str
    prepare: Callable[[Path], Sequence[bytes]]
    read: Callable[[Path, bytes], None]
    text: bool = False
