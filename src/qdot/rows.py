"""Small CSV tables of the project's own, as rows of text."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from qdot.errors import QdotError

LARGEST = 4 << 20  # bytes


def read_rows(path: Path, columns: Sequence[str], error: type[QdotError]) -> list[dict[str, str]]:
    """Read a table.

    Args:
        path: The CSV, in UTF-8.
        columns: Its columns; others may follow.
        error: What is raised where it cannot be read.

    Raises:
        QdotError: of the kind `error`: it is missing or no CSV, or a row has fewer or more fields than the header.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST or b"\0" in content:
            raise ValueError("a null byte" if b"\0" in content else f"larger than {LARGEST:,} bytes")
        reader = csv.reader(io.StringIO(content.decode("utf-8"), newline=""), strict=True)
        header = next(reader, [])
        if header[: len(columns)] != list(columns):
            raise ValueError(f"columns {', '.join(header) or 'none'}")
        return [dict(zip(header, row, strict=True)) for row in reader if row]
    except OSError as reason:
        raise error(f"{path}: cannot be read ({reason.strerror}); run from the project's top folder") from reason
    except (ValueError, csv.Error) as reason:
        raise error(f"{path}: malformed ({reason}); expected columns {','.join(columns)}, a field each") from reason
