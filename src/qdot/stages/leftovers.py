"""What killed collections left in the folder of raw files, which jobs of several datasets share."""

import contextlib
import fcntl
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

from qdot.stages.locks import opened

log = logging.getLogger("qdot")
COLLECTING = ".collect-*"  # folders that `qdot.data.collect` works in, under names of their own


@contextlib.contextmanager
def raw_shared(raw: Path) -> Iterator[None]:
    """Work in the folder of raw files; whoever leaves it last deletes what killed jobs left there.

    A job that was killed runs again, so somebody leaves later. Nobody else's folder is deleted: its owner is inside.

    Raises:
        ResultsError: the folder cannot be written.
    """
    with opened(raw, "raw") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        try:
            yield
        finally:
            with contextlib.suppress(BlockingIOError):  # somebody is inside
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for folder in raw.glob(COLLECTING):
                    log.info("deleting %s, which a killed job left", folder)
                    shutil.rmtree(folder)
