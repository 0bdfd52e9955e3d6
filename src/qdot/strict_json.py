"""JSON from outside: no name twice, no number that is none, no half characters, neither deep nor large."""

import json
import math
import re
from typing import Any

LARGEST = 32 << 20  # bytes: ten times the largest file that any stage writes
DEEPEST = 50  # values inside each other
HALF = re.compile(r"\\u[dD][89a-fA-F]")  # an escape of half a character; two of them may be one


def parse(content: str | bytes, finite: bool = True) -> Any:
    """The value of a JSON text.

    Args:
        content: The text, or its bytes in UTF-8.
        finite: Refuse NaN and infinities, which JSON does not have and Python writes.

    Raises:
        ValueError: it is no JSON, or a name stands twice in an object, a number is not finite, a text is no Unicode, or
            it is too large.
    """
    if len(content) > LARGEST:
        raise ValueError(f"larger than {LARGEST:,} bytes")
    text = content.decode("utf-8") if isinstance(content, bytes) else content
    try:
        numbers: dict[str, Any] = {"parse_constant": _refuse, "parse_float": _finite} if finite else {}
        found = json.loads(text, object_pairs_hook=_unique, **numbers)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    check_depth(found)
    if HALF.search(text) is not None:
        _check_unicode(found)
    return found


def is_texts(value: Any) -> bool:
    """Whether a value is a list of texts."""
    return isinstance(value, list) and all(isinstance(part, str) for part in value)


def check_depth(value: Any) -> None:
    """Refuse values deeper inside each other than code that recurses into them can follow.

    Raises:
        ValueError: more than `DEEPEST` levels.
    """
    level = [value]
    for _ in range(DEEPEST):
        inner = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list)]
        level = [child for children in inner for child in children]
        if not level:
            return
    raise ValueError(f"nested more than {DEEPEST} levels deep")


def _check_unicode(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError("a text has half of a character") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; of two values under one name the last would win, unseen."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twice!r} stands twice in one object")
    return found


def _refuse(text: str) -> None:
    raise ValueError(f"{text} is no number of JSON")


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(f"{text[:20]} is larger than any float")
    return value
