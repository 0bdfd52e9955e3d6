"""Readers that do what none should, to see that it is noticed."""

import os
import signal
import subprocess
import time
from pathlib import Path

from fuzz.target import Target

from qdot.errors import DataError

SOUND = b"sound"


def _prepare(folder: Path) -> list[bytes]:
    return [SOUND]


def _refuse(folder: Path, content: bytes) -> None:
    if content != SOUND:
        raise DataError("no")


def _accept(folder: Path, content: bytes) -> None:
    (folder / "own").write_bytes(content)


def _raise(folder: Path, content: bytes) -> None:
    if content != SOUND:
        raise KeyError("x")


def _end(folder: Path, content: bytes) -> None:
    if content != SOUND:
        os.kill(os.getpid(), signal.SIGKILL)


def _loop(folder: Path, content: bytes) -> None:
    while content != SOUND:
        time.perf_counter()


def _swell(folder: Path, content: bytes) -> None:
    """Half of the room is no crime, and is measured."""
    if content != SOUND:
        bytearray(512 << 20)


def _burst(folder: Path, content: bytes) -> None:
    if content == SOUND:
        return
    try:
        bytearray(8 << 30)
    except MemoryError as error:
        raise DataError("too large") from error


def _leave(folder: Path, content: bytes) -> None:
    if content != SOUND:
        (folder / ".." / "outside").open("w").close()


def _peek(folder: Path, content: bytes) -> None:
    if content != SOUND:
        Path("/etc/hostname").open("rb").close()


def _start(folder: Path, content: bytes) -> None:
    if content != SOUND:
        subprocess.run(["true"], check=True)


def _whisper(folder: Path, content: bytes) -> None:
    if content != SOUND:
        error = DataError("x")
        error.args = ("\udcff",)
        raise error


NAMES = ("refuse", "accept", "raise", "end", "loop", "swell", "burst", "leave", "peek", "start", "whisper")
TARGETS = tuple(Target(name, _prepare, globals()[f"_{name}"]) for name in NAMES)
