"""A data host on this machine that misbehaves as it is told: one fault per request, then none."""

import http.server
import itertools
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

Handler = http.server.BaseHTTPRequestHandler


@dataclass
class Served:
    """A file of the host, and what it does to the requests for it, in their order.

    Attributes:
        body: Its bytes.
        faults: Taken one per request; when they are used up, the file is sent as asked for.
        tag: ETag, None where the host sends none.
        ranges: Whether the host can start in the middle.
    """

    body: bytes
    faults: Iterable["Fault"] = ()
    tag: str | None = '"1"'
    ranges: bool = True
    left: Iterator["Fault"] = field(init=False)

    def __post_init__(self) -> None:
        self.left = iter(self.faults)


Fault = Callable[[Handler, Served], None]
always = itertools.repeat


def begin(handler: Handler, served: Served, length: int | None = -1) -> bytes:
    """Send the head of an honest answer (`length`: another Content-Length, None: none); returns the body to send."""
    asked, condition = handler.headers.get("Range"), handler.headers.get("If-Range")
    start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and served.ranges else 0
    if condition not in (None, served.tag):
        start = 0
    if start and start >= len(served.body):
        handler.send_error(416)
        return b""
    handler.send_response(206 if start else 200)
    if start:
        handler.send_header("Content-Range", f"bytes {start}-{len(served.body) - 1}/{len(served.body)}")
    if served.tag:
        handler.send_header("ETag", served.tag)
    if length is not None:
        handler.send_header("Content-Length", str(len(served.body) - start if length < 0 else length))
    handler.end_headers()
    return served.body[start:]


def honest(handler: Handler, served: Served) -> None:
    """What was asked for."""
    handler.wfile.write(begin(handler, served))


def drop(after: int) -> Fault:
    """Reset the connection after some bytes of the body."""

    def fault(handler: Handler, served: Served) -> None:
        handler.wfile.write(begin(handler, served)[:after])
        handler.wfile.flush()
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.close_connection = True

    return fault


def short(size: int) -> Fault:
    """Promise the whole body, send some bytes, and end as if that were all."""
    return lambda handler, served: handler.wfile.write(begin(handler, served)[:size]) and None


def unstated(size: int) -> Fault:
    """Say nothing of the length, and end after some bytes."""
    return lambda handler, served: handler.wfile.write(begin(handler, served, None)[:size]) and None


def instead(body: bytes) -> Fault:
    """Send other bytes under the right name."""
    return lambda handler, served: honest(handler, Served(body, tag=served.tag))


def stating(name: str, value: str) -> Fault:
    """Send the body under a header of one's own, and no length but that."""

    def fault(handler: Handler, served: Served) -> None:
        handler.send_response(200)
        handler.send_header(name, value.encode().decode("latin-1"))
        handler.end_headers()
        handler.wfile.write(served.body)

    return fault


def status(code: int) -> Fault:
    """Answer with an error."""
    return lambda handler, served: handler.send_error(code)


def hang(event: threading.Event, after: int | None = None) -> Fault:
    """Say nothing until the event: before the answer, or after some bytes of it."""

    def fault(handler: Handler, served: Served) -> None:
        if after is not None:
            handler.wfile.write(begin(handler, served)[:after])
            handler.wfile.flush()
        event.wait(20)

    return fault


def endless(handler: Handler, served: Served) -> None:
    """A body without a length and without an end."""
    handler.wfile.write(begin(handler, served, None))
    while True:
        handler.wfile.write(bytes(1 << 14))


class Host:
    """A server on the loopback address; use it as a context manager.

    Attributes:
        files: What it serves, by path (`/folder/name`); anything else is 404.
        asked: (path, Range header or None) of every request so far.
    """

    def __init__(self) -> None:
        self.files: dict[str, Served] = {}
        self.asked: list[tuple[str, str | None]] = []
        host = self

        class Answer(Handler):
            def do_GET(self) -> None:
                host.asked.append((self.path, self.headers.get("Range")))
                served = host.files.get(self.path)
                if served is None:
                    self.send_error(404)
                    return
                try:
                    next(served.left, honest)(self, served)
                except OSError:  # the client left: that is what most faults make it do
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.server.daemon_threads = True

    @property
    def url(self) -> str:
        """Base address, with a slash at its end."""
        return f"http://127.0.0.1:{self.server.server_port}/"

    def __enter__(self) -> "Host":
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
