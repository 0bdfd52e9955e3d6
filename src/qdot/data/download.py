"""One file from one place: streamed, bounded, gone on with after a break, and named only when it is right."""

import logging
import re
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from qdot.data.checked import SourceError, check_file
from qdot.data.d4rl import D4rlFile
from qdot.data.files import publish
from qdot.data.partial import Partial
from qdot.errors import DataError, unwritable

if TYPE_CHECKING:
    import requests

log = logging.getLogger("qdot")

Progress = Callable[[str], None]
Sleep = Callable[[float], None]
CHUNK = 1 << 16  # bytes: at most so many are lost where a connection drops
MAX_UNKNOWN_BYTES = 2 << 30  # where neither the table nor the server states a size
MAX_REDIRECTS = 5
PROGRESS_SECONDS = 10.0
SLOW_AFTER_SECONDS = 60.0  # a transfer may be slower than MIN_RATE for this long
MIN_RATE = 4096.0  # bytes/s
WAITS = (1.0, 4.0, 15.0)  # seconds before each further try; a try that brings new bytes starts the list again
PASSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS, *range(500, 600)})


class PassingError(SourceError):
    """The same source may give the file, or the rest of it, a moment later."""


@dataclass(frozen=True)
class Transfer:
    """One file from one URL.

    Attributes:
        url: http or https address.
        partial: Where its bytes gather.
        file: Expected size and checksum, where known.
        timeout: Seconds to wait for a connection, and for each read.
        progress: Called with a line at the start, every 10 s, and before each further try.
    """

    url: str
    partial: Partial
    file: D4rlFile
    timeout: float
    progress: Progress


def download(
    url: str, target: Path, file: D4rlFile, timeout: float, progress: Progress = log.info, sleep: Sleep = time.sleep
) -> tuple[int, str]:
    """Stream a URL to `target`, trying again after a break, from where it broke where the server allows that.

    Args:
        url: http or https address.
        target: Final name; untouched unless everything is right.
        file: Expected size and checksum, where known.
        timeout: Seconds to wait for a connection, and for each read.
        progress: Called with a line at the start, every 10 s, and before each further try.
        sleep: Waits between tries.

    Returns:
        Bytes and SHA-256.

    Raises:
        SourceError: the host is down, answers with an error, redirects too often, sends what is not expected, or breaks
            off more often than there are waits without new bytes in between. Bytes that may be right are kept.
        DataError: the target's folder cannot be written.
    """
    import requests

    transfer = Transfer(url, Partial(target), file, timeout, progress)
    with requests.Session() as session:
        session.max_redirects = MAX_REDIRECTS
        session.headers["Accept-Encoding"] = "identity"
        try:
            found = _right_bytes(session, transfer, sleep)
        except OSError as error:
            raise DataError(unwritable(target, error)) from error
    publish(transfer.partial.path, target)
    transfer.partial.discard()
    return found


def _right_bytes(session: "requests.Session", transfer: Transfer, sleep: Sleep) -> tuple[int, str]:
    """Gather every byte and check them; parts that do not belong together are fetched anew, once."""
    for again in (True, False):
        in_parts = _gather(session, transfer, sleep)
        try:
            return check_file(transfer.partial.path, transfer.file)
        except SourceError as error:
            transfer.partial.discard()  # wrong bytes are nothing to go on from
            if not (in_parts and again):
                raise
            transfer.progress(f"{transfer.file.name}: {error}; the file may have changed, fetching it from its start")
    raise AssertionError("the second try returns or raises")


def _gather(session: "requests.Session", transfer: Transfer, sleep: Sleep) -> bool:
    """Request until every byte is there; returns whether they came in parts."""
    waits, furthest = list(WAITS), transfer.partial.size
    while True:
        try:
            return _request(session, transfer)
        except PassingError as error:
            if transfer.partial.size >= furthest + CHUNK:
                waits, furthest = list(WAITS), transfer.partial.size
            kept = f"; {transfer.partial.size:,} bytes are kept for the next try" if transfer.partial.size else ""
            if not waits:
                raise SourceError(f"{error} (tried {len(WAITS) + 1} times without new bytes{kept})") from error
            transfer.progress(f"{transfer.file.name}: {error}; again in {waits[0]:g} s{kept}")
            sleep(waits.pop(0))


def _request(session: "requests.Session", transfer: Transfer) -> bool:
    """Ask once, for what is missing.

    Returns:
        Whether the bytes follow on others that an earlier request brought.

    Raises:
        PassingError: broken off; another try may bring the rest.
        SourceError: this URL will not give the file.
    """
    import requests

    partial, file = transfer.partial, transfer.file
    whole = file.bytes if file.bytes is not None else partial.total()
    headers = partial.request(transfer.url, file.sha256 is not None)
    if headers and partial.size == whole:
        return True
    try:
        with session.get(transfer.url, stream=True, timeout=transfer.timeout, headers=headers) as response:
            return _receive(response, transfer, bool(headers))
    except requests.TooManyRedirects as error:
        raise SourceError(f"redirects more than {MAX_REDIRECTS} times") from error
    except requests.RequestException as error:
        reason = _innermost(error)
        silent = isinstance(error, requests.Timeout) or isinstance(reason, TimeoutError)
        down = isinstance(error, requests.ConnectTimeout) or isinstance(
            reason, ConnectionRefusedError | socket.gaierror
        )
        down |= isinstance(error, requests.exceptions.SSLError)  # no certificate gets better by waiting
        broken = isinstance(
            error, requests.exceptions.ChunkedEncodingError | requests.ConnectionError | requests.Timeout
        )
        text = f"transfer failed: {type(reason).__name__}: {reason}".splitlines()[0]
        raise (PassingError if broken and not down else SourceError)(
            f"no answer within {transfer.timeout:g} s" if silent else text
        ) from error


def _receive(response: "requests.Response", transfer: Transfer, asked_for_rest: bool) -> bool:
    """Write a response's body behind what is here (True), or over it where the server starts from the first byte."""
    partial, status = transfer.partial, response.status_code
    _require_as_asked(response)
    if asked_for_rest and status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        partial.discard()
        raise PassingError(f"HTTP {status}: the file has changed; it is fetched from its start")
    if status not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
        missing = status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
        reason = f"HTTP {status} {response.reason or ''}".rstrip()
        raise PassingError(reason) if status in PASSING else SourceError(reason, missing)
    have = 0
    if status == HTTPStatus.PARTIAL_CONTENT:
        have, found = partial.size, response.headers.get("Content-Range", "")
        if not asked_for_rest or not found.startswith(f"bytes {have}-"):
            partial.discard()
            raise PassingError(f"answers with the range {found!r}, which was not asked for")
    stated = _content_length(response.headers.get("Content-Length"))
    stated = None if stated is None else have + stated
    limit = _limit(transfer.file, stated)
    if not have:
        partial.begin(transfer.url, response.headers, stated)
    with partial.path.open("ab") as out:
        for chunk in _watched(response.iter_content(CHUNK), transfer, have, stated):
            have += len(chunk)
            if have > limit:
                partial.discard()
                raise SourceError(f"too large: more than the {limit:,} bytes expected")
            out.write(chunk)
            out.flush()  # a kill loses one chunk; a disk that takes only a part of it raises
    whole = transfer.file.bytes if transfer.file.bytes is not None else stated
    if whole is not None and have != whole:
        raise PassingError(f"truncated: {have:,} bytes of {whole:,}")
    return status == HTTPStatus.PARTIAL_CONTENT


def _require_as_asked(response: "requests.Response") -> None:
    """Refuse an answer by a less safe way than was asked for, or packed, which no stated size bounds.

    Raises:
        SourceError: a redirect left https for http, or the body is encoded.
    """
    schemes = [urlsplit(each.url).scheme for each in (*response.history, response)]
    if "https" in schemes and "http" in schemes[schemes.index("https") :]:
        raise SourceError(f"redirects from https to {response.url}, where anyone on the way can change the bytes")
    if (encoding := response.headers.get("Content-Encoding", "identity").strip().lower()) not in ("", "identity"):
        raise SourceError(f"answers with the encoding {encoding[:40]!r}, which was not asked for")


def _content_length(header: str | None) -> int | None:
    return int(header) if header is not None and re.fullmatch(r"[0-9]{1,18}", header) else None


def _limit(file: D4rlFile, stated: int | None) -> int:
    """Most bytes to accept; a stated size that cannot be right is refused before the first byte."""
    if file.bytes is not None:
        if stated is not None and stated > file.bytes:
            raise SourceError(f"too large: the server states {stated:,} bytes, expected {file.bytes:,}")
        return file.bytes
    if stated is not None and stated > MAX_UNKNOWN_BYTES:
        raise SourceError(f"too large: the server states {stated:,} bytes, at most {MAX_UNKNOWN_BYTES:,} are accepted")
    return MAX_UNKNOWN_BYTES if stated is None else stated


def _watched(chunks: Iterable[bytes], transfer: Transfer, have: int, stated: int | None) -> Iterator[bytes]:
    """Pass chunks on, say how far it is, and give up on a trickle."""
    name, progress = transfer.file.name, transfer.progress
    total = transfer.file.bytes if transfer.file.bytes is not None else stated
    size, start = 0, time.monotonic()
    whole = "unknown size" if total is None else f"{total / 1e6:.1f} MB"
    progress(f"{name}: downloading, {whole}" + (f", from {have / 1e6:.1f} MB on" if have else ""))
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
            progress(f"{name}: {(have + size) / 1e6:.1f} MB of {whole}, {rate / 1e6:.2f} MB/s")


def _innermost(error: BaseException) -> BaseException:
    """The reason under requests' and urllib3's wrapping."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return error
