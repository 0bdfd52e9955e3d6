"""Time stamps that lie ahead, as they seem after a clock was set back.

Snakemake refuses what a job makes where an input is newer, and deletes the job's outputs.
"""

import logging
import os
import time
from collections.abc import Iterable
from pathlib import Path

from qdot.errors import ResultsError

log = logging.getLogger("qdot")


def not_ahead(path: Path) -> int:
    """The time stamp of a file, in nanoseconds, after it was set to now where it lay ahead; 0 where there is none.

    Raises:
        ResultsError: the file may not be touched.
    """
    try:
        found = path.stat().st_mtime_ns
        if found <= time.time_ns():
            return found
        os.utime(path)
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise ResultsError(
            f"{path}: is dated in the future, and cannot be dated now ({error.strerror}); touch it, or wait until then"
        ) from error


def settle(inputs: Iterable[Path]) -> None:
    """Date now what a job that has ended read, where it lies ahead: the clock was set back while a run went on."""
    for path in inputs:
        try:
            not_ahead(path)
        except ResultsError as error:
            log.warning("%s", error)
