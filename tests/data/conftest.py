"""Small files in D4RL's layout, and servers on this machine that misbehave on purpose."""

import functools
import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


def layout(steps: int = 12, obs: int = 4, act: int = 2, seed: int = 0) -> dict[str, np.ndarray]:
    """Arrays of a D4RL file: three episodes, ended by a terminal, a time-out, and the end of the file."""
    generator = np.random.default_rng(seed)
    terminals, timeouts = np.zeros(steps, bool), np.zeros(steps, bool)
    terminals[3], timeouts[7] = True, True
    return {
        "observations": generator.normal(size=(steps, obs)).astype(np.float32),
        "actions": generator.uniform(-0.9, 0.9, size=(steps, act)).astype(np.float32),
        "rewards": generator.normal(size=steps).astype(np.float32),
        "terminals": terminals,
        "timeouts": timeouts,
    }


@pytest.fixture
def write_hdf5(tmp_path: Path) -> Callable[..., Path]:
    """Write arrays as an HDF5 file; an array given as None is left out."""

    def write(name: str = "data.hdf5", **changes: np.ndarray | None) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with h5py.File(path, "w") as file:
            for key, array in (layout() | changes).items():
                if array is not None:
                    file.create_dataset(key, data=array)
        return path

    return write


@pytest.fixture
def create(tmp_path: Path) -> Callable[..., Path]:
    """Write a small Minari dataset (`minari_sets.create_set`); gives its folder."""
    from minari_sets import create_set  # minari takes a second

    return functools.partial(create_set, tmp_path)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[dict[str, Answer]], tuple[str, list[str]]]]:
    """Start a server that answers by path (others: 404); gives its base URL and the paths asked for."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    servers: list[http.server.ThreadingHTTPServer] = []

    def start(answers: dict[str, Answer]) -> tuple[str, list[str]]:
        asked: list[str] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                answers.get(self.path, lambda handler: handler.send_error(404))(self)

            def log_message(self, *_: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/", asked

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def send() -> Callable[..., Answer]:
    """An answer of 200 with a body; `length` is what the header claims (None: no header)."""

    def make(body: bytes, length: int | None = -1) -> Answer:
        def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            if length is not None:
                handler.send_header("Content-Length", str(len(body) if length < 0 else length))
            handler.end_headers()
            handler.wfile.write(body)

        return answer

    return make
