"""GPUs of this machine and the jobs on them: which there are, how many jobs share one, and a lease of a place.

A lease is a lock on a file, so that a job which dies gives its place back. Under a scheduler that assigns GPUs itself
(Slurm) none is taken.
"""

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from glob import glob
from pathlib import Path
from typing import IO

from qdot.errors import ParamsError

GPUS, SHARED_BY, VISIBLE = "QDOT_GPUS", "QDOT_GPU_JOBS", "CUDA_VISIBLE_DEVICES"
ASSIGNED = ("SLURM_JOB_ID",)  # set by a scheduler that gives a job its own GPUs
WAIT = 0.2  # seconds between two looks for a free place


def devices() -> list[str]:
    """Names of the GPUs that jobs may use, as `CUDA_VISIBLE_DEVICES` takes them.

    Those that this variable names, else as many as `QDOT_GPUS` says, else the NVIDIA devices that the machine shows.

    Raises:
        ParamsError: `QDOT_GPUS` is no number.
    """
    if os.environ.get(VISIBLE) is not None:
        named = [name.strip() for name in os.environ[VISIBLE].split(",")]
        return [name for name in named if name and name != "-1"]
    if os.environ.get(GPUS):
        return [str(index) for index in range(_number(GPUS, 0))]
    return [str(index) for index in range(len(glob("/dev/nvidia[0-9]*")))]


def places() -> int:
    """How many jobs may hold a GPU at once: `QDOT_GPU_JOBS` (default 1) on each.

    Raises:
        ParamsError: a variable is no number.
    """
    return len(devices()) * _number(SHARED_BY, 1)


def _number(variable: str, least: int) -> int:
    text = os.environ.get(variable) or str(least)
    if not text.isdecimal() or int(text) < least:
        raise ParamsError(f"{variable}: found {text!r}, expected a whole number of {least} or more")
    return int(text)


@contextmanager
def leased(folder: Path | None = None) -> Iterator[str | None]:
    """Hold a place on a GPU, the only one that this process then sees; wait where every place is taken.

    Must be entered before CUDA is first used.

    Args:
        folder: Where the locks lie; by default one of this user and machine, for all checkouts.

    Yields:
        The device's name; None where there is no GPU, or a scheduler has assigned one.
    """
    found = devices()
    if not found or any(variable in os.environ for variable in ASSIGNED):
        yield None
        return
    folder = folder or Path(tempfile.gettempdir()) / f"qdot-gpus-{os.getuid()}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name, lock = _wait(found, folder)
    before = os.environ.get(VISIBLE)
    os.environ[VISIBLE] = name
    try:
        yield name
    finally:
        lock.close()
        if before is None:
            del os.environ[VISIBLE]
        else:
            os.environ[VISIBLE] = before


def _wait(names: list[str], folder: Path) -> tuple[str, IO[str]]:
    """The first free place: every GPU gets a job before one gets a second."""
    while True:
        for place in range(_number(SHARED_BY, 1)):
            for name in names:
                lock = open(folder / f"{name.replace('/', '-')}.{place}", "a")  # noqa: SIM115 - open while it is held
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    lock.close()
                    continue
                return name, lock
        time.sleep(WAIT)
