"""Signals and the life of worker processes.

SIGTERM (a scheduler's pre-emption) and SIGINT (Ctrl-C) are noted, and work ends at a good place.
"""

import contextlib
import multiprocessing
import os
import signal
import threading
from multiprocessing import connection
from multiprocessing.connection import Connection
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stop:
    """Whether this process was told to stop.

    Attributes:
        is_told: It was.
    """

    is_told = False

    def listen(self) -> None:
        """From now on note the signals, and hand them on to workers: a scheduler may signal this process alone."""
        for number in SIGNALS:
            signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.is_told = True
        for worker in multiprocessing.active_children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker.pid or 0, signal.SIGTERM)


def leave_signals_to_parent() -> None:
    """Ignore them in a worker whose parent still wants what is under way, and ends it itself."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def end_with_parent(line: Connection | None = None) -> None:
    """End this worker when the process that started it is gone, however it went, or sends something down a line.

    Nobody waits for its work then.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        raise RuntimeError("this process was not started by multiprocessing")

    def watch() -> None:
        connection.wait([parent.sentinel, *([line] if line else [])])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
