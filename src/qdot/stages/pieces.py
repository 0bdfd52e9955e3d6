"""Pieces of a long stage, kept as they are finished: what a killed run did is not done again."""

import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qdot import provenance
from qdot.manifests import find_record

log = logging.getLogger("qdot")
FOLDER = ".unfinished"


class Pieces:
    """A folder of finished pieces of text, each with the digest of what it was made from.

    It lies beside the stage's folder, not in it: DVC takes that whole.

    Attributes:
        seconds: What the pieces took that were asked for, by name, whichever run made them.
    """

    def __init__(self, directory: Path) -> None:
        """Of the stage that writes into `directory`; whoever works there holds the lock."""
        self.folder, self.seconds = directory.with_name(FOLDER) / directory.name, dict[str, float]()
        provenance.clear_unfinished(self.folder)

    def get(self, name: str, made_from: Any, make: Callable[[], str]) -> str:
        """A piece that is here and of the same things, or else made now, and kept.

        Args:
            name: Of the piece; its file's.
            made_from: Everything that it depends on: values, code, versions.
            make: Makes it.
        """
        path, identity = self.folder / f"{name}.json", provenance.digest(made_from)
        found = find_record(path)
        if found.get("identity") == identity:
            log.info("%s: kept by a run that was stopped", name)
        else:
            started = time.perf_counter()
            text = make()
            found = {"identity": identity, "text": text, "seconds": time.perf_counter() - started}
            provenance.write_manifest(path, found)
        self.seconds[name] = found["seconds"]
        return str(found["text"])

    def clear(self) -> None:
        """Delete them all: the stage is done."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.folder.parent.is_dir() and not any(self.folder.parent.iterdir()):
            self.folder.parent.rmdir()
