"""Licences of pinned packages, as their installed metadata state them: `python .ci/licences.py REQUIREMENTS...`."""

import importlib.metadata
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from pins import pins

HEAD = """# Licences of what is installed

Of every package that `requirements-torch.txt` and `requirements.lock` pin, what its own metadata state; `make licences`
writes this file. None is part of this project's code (MIT): they are installed beside it. Data have licences of their
own: each dataset's block in `params.yaml` names it.

| package | licence |
|---|---|
"""
CLASSIFIER = "License :: "
APPROVALS = ("OSI Approved", "DFSG approved")  # that a licence is good, not which


def licence(name: str) -> str:
    """A package's licence: its SPDX expression, else classifiers, else how its metadata or licence file begin."""
    metadata = importlib.metadata.metadata(name)
    parts = [entry.split(" :: ")[-1] for entry in metadata.get_all("Classifier", []) if entry.startswith(CLASSIFIER)]
    classifiers = ", ".join(part for part in parts if part not in APPROVALS)
    stated = metadata["License-Expression"] or classifiers or _first_line(metadata["License"] or "") or _file(name)
    return re.sub(r"[|\s]+", " ", stated).strip() or "not stated"


def _first_line(text: str) -> str:
    return next((line for line in text.splitlines() if line.strip()), "")


def _file(name: str) -> str:
    """The first line of the licence that a package brings."""
    files = importlib.metadata.files(name) or []
    found = next((file for file in files if file.name.upper().startswith(("LICENSE", "LICENCE", "COPYING"))), None)
    return _first_line(found.read_text()) if found else ""


def main(arguments: Sequence[str]) -> str:
    """The page."""
    names = sorted(pins(map(Path, arguments)), key=str.lower)
    return HEAD + "".join(f"| {name} | {licence(name)} |\n" for name in names)


if __name__ == "__main__":
    sys.stdout.write(main(sys.argv[1:]))
