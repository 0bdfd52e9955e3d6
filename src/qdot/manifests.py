"""Manifests, read: what a stage says of the files beside it, believed in nothing that could lead elsewhere."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from qdot.errors import ResultsError
from qdot.provenance import find_json, is_inside, read_json
from qdot.strict_json import is_texts

NO_RESULT = ("failed", "not run")
STATUSES = ("ok", *NO_RESULT)
MAPPINGS = ("files", "inputs", "versions", "params", "replay", "subset")
TEXTS = ("digest", "core", "code", "stage", "suite", "raw_file", "raw_sha256")
NULLABLE = ("replay", "raw_sha256")  # of a replay that could not be
LISTS = {"accepted": dict, "published": dict, "warnings": str, "signs": dict}  # and what they are of


def read_manifest(path: Path, *needed: str, statuses: Sequence[str] = STATUSES) -> dict[str, Any]:
    """Read a manifest.

    Args:
        path: The file.
        needed: Keys that it must have, unless its status says that there is no result.
        statuses: Those that it may have.

    Raises:
        ResultsError: it is missing or damaged, or a value is of another kind than any stage writes.
    """
    found = read_json(path)
    if fault := _fault(found, needed, statuses):
        raise ResultsError(f"{path}: {fault}; expected what a stage wrote: delete it and run its stage again")
    return dict(found)


def find_manifest(path: Path, *needed: str) -> dict[str, Any] | None:
    """Read a manifest; None where it is missing or damaged, so that its stage makes it again."""
    try:
        return read_manifest(path, *needed)
    except ResultsError:
        return None


def find_record(path: Path) -> dict[str, Any]:
    """Read a JSON object that may be missing (runtime.json); empty where it is, or is damaged."""
    found = find_json(path)
    return found if isinstance(found, dict) else {}


def _fault(found: Any, needed: Iterable[str], statuses: Sequence[str]) -> str | None:
    """What is wrong with a manifest; None where nothing is."""
    if not isinstance(found, dict) or found.get("status") not in statuses:
        return f"no object with a status of {', '.join(statuses)}"
    missing = [key for key in needed if found.get(key) is None]
    if missing and found["status"] not in NO_RESULT:
        return f"{', '.join(missing)}: missing"
    known = {key: value for key, value in found.items() if value is not None or key not in NULLABLE}
    faults = [*_wrong_kinds(known), *_wrong_reason(found.get("reason")), *_wrong_files(found.get("files", {}))]
    return "; ".join(faults[:3]) or None


def _wrong_kinds(known: Mapping[str, Any]) -> Iterable[str]:
    for keys, kind in ((MAPPINGS, dict), (TEXTS, str), (LISTS, list)):
        for key in keys:
            if key in known and not isinstance(known[key], kind):
                yield f"{key}: found {type(known[key]).__name__}, expected {kind.__name__}"
    for key, member in LISTS.items():
        values = known.get(key, [])
        if isinstance(values, list) and not all(isinstance(value, member) for value in values):
            yield f"{key}: expected a list of {member.__name__}"
    chosen = known.get("subset", {})
    if isinstance(chosen, dict) and not all(map(is_texts, chosen.values())):
        yield "subset: expected lists of names"


def _wrong_reason(reason: Any) -> Iterable[str]:
    error = reason.get("error") if isinstance(reason, dict) else reason
    if reason is not None and not (isinstance(error, str) and error.strip()):
        yield "reason: expected a sentence, or an object with an `error`"
    if isinstance(reason, dict):
        step = reason.get("step")
        if step is not None and not (type(step) is int and 0 <= step < 2**63):
            yield f"reason.step: found {step!r}"
        texts = (reason.get(key) for key in ("stage", "term", "log_tail"))
        if not all(text is None or isinstance(text, str) for text in texts):
            yield "reason: stage, term, log_tail: expected texts"


def _wrong_files(files: Any) -> Iterable[str]:
    """Names that lead out of the folder, and checksums that are none."""
    if isinstance(files, dict):
        yield from (f"files: {name!r} lies outside its folder" for name in files if not is_inside(name))
        yield from (f"files: {name}: no SHA-256" for name, value in files.items() if not isinstance(value, str))
