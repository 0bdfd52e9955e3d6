"""`qdot gate`: the end of every target. It lists what failed and what was not run; a failure makes the run exit 1."""

import logging
import os
from collections import Counter
from pathlib import Path

from qdot.manifests import find_manifest
from qdot.provenance import first_line

log = logging.getLogger("qdot")


def names(stream: bytes) -> list[Path]:
    """Manifests from a stream, which takes more of them than an argument list can: each name ends with a NUL."""
    return [Path(os.fsdecode(name)) for name in stream.split(b"\0") if name]


def run(manifests: list[Path], name: str) -> int:
    """Read the manifests of a target.

    Returns:
        1 where one is missing or `failed`, else 0.
    """
    found = {path: find_manifest(path) or {"status": "missing", "reason": "no manifest"} for path in manifests}
    counts = Counter(manifest["status"] for manifest in found.values())
    log.info("%s: %s", name, ", ".join(f"{count} {status}" for status, count in sorted(counts.items())))
    for path, manifest in found.items():
        text = first_line(manifest.get("reason"))
        if manifest["status"] in ("failed", "missing"):
            log.error("%s %s: %s", manifest["status"], path.parent, text)
        elif manifest["status"] == "not run":
            log.warning("not run %s: %s", path.parent, text)
    return 1 if counts["failed"] or counts["missing"] else 0
