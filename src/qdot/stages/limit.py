"""A limit on a job's time, `QDOT_JOB_SECONDS`: a job that hangs is ended from outside, and its cells say so."""

import argparse
import contextlib
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence

from qdot.errors import ParamsError, ResultsError
from qdot.processes import SIGNALS

log = logging.getLogger("qdot")
VARIABLE = "QDOT_JOB_SECONDS"
Overdue = Callable[[argparse.Namespace, ResultsError], None]


def seconds() -> float | None:
    """The limit that is set.

    Raises:
        ParamsError: it is no positive number.
    """
    text = os.environ.get(VARIABLE)
    if not text:
        return None
    with contextlib.suppress(ValueError):
        if float(text) > 0:
            return float(text)
    raise ParamsError(f"{VARIABLE}: found {text!r}, expected seconds, a positive number")


def run(arguments: Sequence[str], options: argparse.Namespace, limit: float, overdue: Overdue | None) -> int:
    """Run a command in a process of its own, and end that, with all it started, when its time is over.

    Args:
        arguments: The command's.
        options: The same, parsed.
        limit: Seconds.
        overdue: Writes the failure of all that the command had to do; None where it has no manifest to write.

    Returns:
        The command's exit status; 0 where its failure was written, as for any other failed cell.

    Raises:
        ResultsError: the time was over, and there is no manifest to say so.
    """
    variables = {key: value for key, value in os.environ.items() if key != VARIABLE}
    command = [sys.executable, "-m", "qdot", *arguments]
    process = subprocess.Popen(command, env=variables, start_new_session=True)
    for number in SIGNALS:  # a session of its own hears none of the terminal's
        signal.signal(number, lambda found, _: process.send_signal(found))
    try:
        return process.wait(limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    error = ResultsError(f"ended after {limit:g} s, the limit that {VARIABLE} sets: it hung, or needs a larger limit")
    log.error("%s", error)
    if overdue is None:
        raise error
    overdue(options, error)
    return 0
