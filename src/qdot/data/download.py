"""One file from one place: streamed, bounded, checked, and put under its name only when it is right."""

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from qdot.data.d4rl import D4rlFile
from qdot.data.files import replacing, unwritable
from qdot.errors import DataError

log = logging.getLogger("qdot")

Progress = Callable[[str], None]
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
CHUNK = 1 << 20  # bytes
MAX_UNKNOWN_BYTES = 2 << 30  # where neither the table nor the server states a size
MAX_REDIRECTS = 5
PROGRESS_SECONDS = 10.0
SLOW_AFTER_SECONDS = 60.0  # a transfer may be slower than MIN_RATE for this long
MIN_RATE = 4096.0  # bytes/s


class SourceError(DataError):
    """One source could not give the file; others may.

    Attributes:
        missing: The source answers but has no such file, so another path on it may be right.
    """

    def __init__(self, reason: str, missing: bool = False) -> None:
        """Record why."""
        super().__init__(reason)
        self.missing = missing


def receive(chunks: Iterable[bytes], target: Path, file: D4rlFile, limit: int) -> tuple[int, str]:
    """Write chunks beside `target`, check them, and rename to `target`.

    Args:
        chunks: The file's bytes in order.
        target: Final name; untouched unless everything is right.
        file: Expected size and checksum, where known.
        limit: More bytes than this are refused as they arrive.

    Returns:
        Bytes and SHA-256 of what was written.

    Raises:
        SourceError: too large, of another size or content than expected, or no HDF5 file.
        DataError: the target's folder cannot be written.
    """
    hasher, size, head = hashlib.sha256(), 0, b""
    with replacing(target) as temporary, temporary.open("wb", buffering=0) as out:
        for chunk in chunks:
            size += len(chunk)
            if size > limit:
                raise SourceError(f"too large: more than the {limit:,} bytes expected")
            head = head or chunk[: len(HDF5_SIGNATURE)]
            hasher.update(chunk)
            try:
                out.write(chunk)
            except OSError as error:
                raise unwritable(target, error) from error
        check_content(file, size, hasher.hexdigest(), head)
    return size, hasher.hexdigest()


def check_content(file: D4rlFile, size: int, sha256: str, head: bytes) -> None:
    """Compare size, first bytes and checksum with the table.

    Raises:
        SourceError: names what differs.
    """
    if file.bytes is not None and size != file.bytes:
        raise SourceError(f"wrong size: {size:,} bytes, expected {file.bytes:,}")
    if head[: len(HDF5_SIGNATURE)] != HDF5_SIGNATURE:
        raise SourceError(f"is no HDF5 file: starts with {head[:8]!r}")
    if file.sha256 is not None and sha256 != file.sha256:
        raise SourceError(f"wrong sha256: {sha256}, expected {file.sha256}")


def copy(source: Path, target: Path, file: D4rlFile) -> tuple[int, str]:
    """Copy a file from a local folder, checked like a download (see `receive`)."""
    try:
        size = source.stat().st_size
        with source.open("rb") as opened:
            return receive(iter(lambda: opened.read(CHUNK), b""), target, file, file.bytes or size)
    except OSError as error:
        raise SourceError(f"cannot be read ({error.strerror or error})") from error


def download(url: str, target: Path, file: D4rlFile, timeout: float, progress: Progress = log.info) -> tuple[int, str]:
    """Stream a URL to `target`.

    Args:
        url: http or https address.
        target: Final name; untouched unless everything is right.
        file: Expected size and checksum, where known.
        timeout: Seconds to wait for a connection, and for each read.
        progress: Called with a line at the start and every 10 s.

    Returns:
        Bytes and SHA-256.

    Raises:
        SourceError: the host is down, answers with an error, redirects too often, or sends what is not expected.
        DataError: the target's folder cannot be written.
    """
    import requests

    with requests.Session() as session:
        session.max_redirects = MAX_REDIRECTS
        session.headers["Accept-Encoding"] = "identity"
        try:
            with session.get(url, stream=True, timeout=timeout) as response:
                if response.status_code != requests.codes.ok:
                    missing = response.status_code in (requests.codes.not_found, requests.codes.gone)
                    raise SourceError(f"HTTP {response.status_code} {response.reason or ''}".rstrip(), missing)
                stated = _content_length(response.headers.get("Content-Length"))
                limit = _limit(file, stated)
                chunks = _watched(response.iter_content(CHUNK), file.name, file.bytes or stated, progress)
                size, sha256 = receive(chunks, target, file, limit)
        except requests.TooManyRedirects as error:
            raise SourceError(f"redirects more than {MAX_REDIRECTS} times") from error
        except requests.Timeout as error:
            raise SourceError(f"no answer within {timeout:g} s") from error
        except requests.RequestException as error:
            raise SourceError(f"transfer failed: {_innermost(error)}") from error
    return size, sha256


def _content_length(header: str | None) -> int | None:
    return int(header) if header is not None and header.isdecimal() else None


def _limit(file: D4rlFile, stated: int | None) -> int:
    """Most bytes to accept; a stated size that cannot be right is refused before the first byte."""
    if file.bytes is not None:
        if stated is not None and stated > file.bytes:
            raise SourceError(f"too large: the server states {stated:,} bytes, expected {file.bytes:,}")
        return file.bytes
    if stated is not None and stated > MAX_UNKNOWN_BYTES:
        raise SourceError(f"too large: the server states {stated:,} bytes, at most {MAX_UNKNOWN_BYTES:,} are accepted")
    return MAX_UNKNOWN_BYTES if stated is None else stated


def _watched(chunks: Iterable[bytes], name: str, total: int | None, progress: Progress) -> Iterator[bytes]:
    """Pass chunks on, say how far it is, and give up on a trickle."""
    size, start = 0, time.monotonic()
    whole = "unknown size" if total is None else f"{total / 1e6:.1f} MB"
    progress(f"{name}: downloading, {whole}")
    told = start
    for chunk in chunks:
        yield chunk
        size += len(chunk)
        now = time.monotonic()
        rate = size / max(now - start, 1e-9)
        if now - start > SLOW_AFTER_SECONDS and rate < MIN_RATE:
            raise SourceError(f"too slow: {rate:.0f} bytes/s after {now - start:.0f} s")
        if now - told > PROGRESS_SECONDS:
            told = now
            progress(f"{name}: {size / 1e6:.1f} MB of {whole}, {rate / 1e6:.2f} MB/s")
    if total is not None and size != total:
        raise SourceError(f"truncated: {size:,} bytes of {total:,}")


def _innermost(error: BaseException) -> str:
    """The reason under requests' and urllib3's wrapping, in one line."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return f"{type(error).__name__}: {error}".splitlines()[0]
