"""A port on this machine that hands bytes on to a server, and stops where it is told: in the middle of a transfer."""

import contextlib
import socket
import socketserver
import threading

BLOCK = 65536


class Wire:
    """A TCP proxy on loopback.

    Attributes:
        port: Where clients connect.
        stopped: Set once the bytes that it may carry are used up.
    """

    def __init__(self, target: int) -> None:
        """Listen, and carry everything.

        Args:
            target: Port of the server.
        """
        self.target, self.stopped = target, threading.Event()
        self._left: int | None = None
        self._ends: list[socket.socket] = []
        self._lock = threading.Lock()
        wire = self

        class Carry(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                wire._carry(self.request)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Carry)
        self._server.daemon_threads, self._server.block_on_close = True, False
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop_after(self, size: int) -> None:
        """Carry this many more bytes, both ways together, then none: connections stay open and still."""
        self.stopped.clear()
        self._left = size

    def mend(self) -> None:
        """Drop every connection, and carry everything from here on."""
        self._left = None
        with self._lock:
            ends, self._ends = self._ends, []
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self.stopped.clear()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self.mend()

    def _carry(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self.target))
        except OSError:
            return  # as a server that is gone
        with self._lock:
            self._ends += [client, server]
        back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
        back.start()
        self._pump(client, server)
        back.join()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(BLOCK):
                if not self._may_carry(len(data)):
                    return self._wait(source)
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def _may_carry(self, size: int) -> bool:
        with self._lock:
            if self._left is None:
                return True
            self._left -= size
            if self._left < 0:
                self.stopped.set()
            return self._left >= 0

    def _wait(self, source: socket.socket) -> None:
        """Read what comes, hand none of it on, until either end lets go."""
        with contextlib.suppress(OSError):
            while source.recv(BLOCK):
                pass
