"""A download that is not finished: its bytes so far, and what they are a part of, kept for the next try."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from qdot.manifests import find_record
from qdot.provenance import write_json


@dataclass(frozen=True)
class Partial:
    """The bytes of a file received so far, in hidden files that nothing takes for the file.

    Attributes:
        target: The name that the file gets when it is complete and right.
    """

    target: Path

    @property
    def path(self) -> Path:
        """Where the bytes lie."""
        return self.target.with_name(f".{self.target.name}.partial")

    @property
    def note(self) -> Path:
        """What they are a part of: URL, the server's mark of this version of the file, size where known."""
        return self.target.with_name(f".{self.target.name}.partial.json")

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self.path.stat().st_size if self.path.is_file() else 0

    def total(self) -> int | None:
        """Size of the whole file as the server stated it, None where it did not."""
        total = find_record(self.note).get("total")
        return total if type(total) is int and total >= 0 else None

    def begin(self, url: str, headers: Mapping[str, str], total: int | None) -> None:
        """Start over: no bytes, and a note of which version of the file they will be of."""
        self.target.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(b"")
        tag = headers.get("ETag", "")
        version = tag if tag and not tag.startswith("W/") else headers.get("Last-Modified")
        write_json(self.note, {"url": url, "version": version, "total": total})

    def request(self, url: str, checked: bool) -> dict[str, str]:
        """Headers that ask for the rest; none where what is here cannot be gone on from.

        Args:
            url: Address that is asked.
            checked: A checksum will show whether the parts belong together.
        """
        note = find_record(self.note)
        version = note.get("version")
        version = version if isinstance(version, str) and version.isascii() and version.isprintable() else None
        if not self.size or note.get("url") != url or not (version or checked):
            return {}
        condition = {"If-Range": version} if version else {}
        return {"Range": f"bytes={self.size}-", **condition}

    def discard(self) -> None:
        """Delete the bytes and the note."""
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)
