"""Plain text of what commands find: aligned columns, titled lists, values that differ."""

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from qdot.frames import groups

SHOWN = 12  # entries of a list that the text names


def aligned(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows as aligned columns under their heads; nothing where there are none."""
    if not rows:
        return
    lines = [head, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    for line in lines:
        yield "  " + "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()


def listed(title: str, texts: Sequence[str]) -> Iterator[str]:
    """A titled list; what exceeds `SHOWN` is counted."""
    if texts:
        yield f"  {title}:"
        yield from (f"    {text[:160]}" for text in texts[:SHOWN])
        if len(texts) > SHOWN:
            yield f"    and {len(texts) - SHOWN} more: --json lists all"


def by_value(values: Sequence[Mapping[str, str]], first: str, second: str) -> list[str]:
    """Values that differ between two runs, those of many (dataset, algorithm) on one line.

    Args:
        values: Records with `key` and both runs' values.
        first: Name of the first run's value in them.
        second: Name of the second run's.
    """
    if not values:
        return []
    return [
        f"{key}: {one or 'not set'} -> {other or 'not set'} ({len(rows)} dataset and algorithm)"
        for (key, one, other), rows in groups(pd.DataFrame(values), "key", first, second)
    ]
