"""The last two savings of a seed.

Seeds are saved in turn, and a kill may come between two of them. Each then still has what the one that was saved least
recently has: they go on together from there.
"""

import contextlib
import logging
import os
from pathlib import Path
from typing import NamedTuple

from qdot.errors import ResultsError, unwritable
from qdot.training import resume
from qdot.training.resume import Saved

BEFORE = "resume.before.safetensors"
log = logging.getLogger("qdot")


class Saving(NamedTuple):
    """A file to go on from.

    Attributes:
        step: Steps done.
        batch: Seeds that stepped together.
        path: The file.
    """

    step: int
    batch: tuple[int, ...]
    path: Path


def find(folder: Path, identity: str) -> list[Saving]:
    """What can be gone on from in a seed's folder, newest first; a damaged file is said, and is none."""
    found = []
    for name in (resume.NAME, BEFORE):
        try:
            saved = resume.read(folder / name, identity)
        except ResultsError as error:
            log.warning("%s", error)
            continue
        if saved is not None:
            found.append(Saving(saved.step, tuple(saved.batch), folder / name))
    return found


def last(folder: Path, identity: str) -> Saved | None:
    """The last saving; None where there is none.

    Raises:
        ResultsError: it is damaged.
    """
    return resume.read(folder / resume.NAME, identity) or resume.read(folder / BEFORE, identity)


def keep(saved: Saved, folder: Path, identity: str) -> None:
    """Write a saving, and let the last one be the one before; at every instant there is one of the two.

    Raises:
        ResultsError: the folder cannot be written.
    """
    with contextlib.suppress(FileNotFoundError):
        _move(folder / resume.NAME, folder / BEFORE)
    saved.write(folder / resume.NAME, identity)


def go_back(folder: Path, saving: Saving | None) -> None:
    """Let a saving be the last one; None: have none.

    Raises:
        ResultsError: the folder cannot be written.
    """
    if saving is None:
        drop(folder)
    elif saving.path.name == BEFORE:
        _move(saving.path, folder / resume.NAME)


def drop(folder: Path) -> None:
    """Delete what could be gone on from."""
    for name in (BEFORE, resume.NAME):
        (folder / name).unlink(missing_ok=True)


def _move(path: Path, to: Path) -> None:
    try:
        os.replace(path, to)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ResultsError(unwritable(to, error)) from error
