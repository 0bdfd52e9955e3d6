"""Nested records (manifests, runtimes) as flat text."""

import json
from collections.abc import Iterator, Mapping
from typing import Any


def flatten(record: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """(dotted key, text) of every leaf, in key order; lists stay one value, as JSON."""
    for key in sorted(record):
        value = record[key]
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{key}.")
        elif value is not None:
            yield prefix + key, value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def reason_text(reason: Any) -> str | None:
    """A manifest's reason on one line: None, a sentence, or `stage: error` of a failure."""
    if isinstance(reason, Mapping):
        error = str(reason.get("error", "no error text")).strip()
        return f"{reason.get('stage', 'unknown stage')}: {' '.join(error.split())}"
    return None if reason is None else " ".join(str(reason).split())
