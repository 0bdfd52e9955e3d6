"""The data host misbehaves; the download goes on, survives, or says what failed, and nothing bad gets a final name."""

import hashlib
import io
import json
import resource
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import http_faults as faults
import numpy as np
import pytest
import requests
from http_faults import Host, Served, always

from qdot.data import download as module
from qdot.data.checked import SourceError
from qdot.data.d4rl import D4rlFile
from qdot.data.download import WAITS, download
from qdot.data.files import visible_files
from qdot.errors import DataError


def hdf5(seed: int) -> bytes:
    """A small HDF5 file's bytes."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file["observations"] = np.random.default_rng(seed).normal(size=(400, 4))
    return content.getvalue()


BODY, OTHER = hdf5(0), hdf5(1)
KNOWN = D4rlFile("toy-v2", "toy.hdf5", len(BODY), hashlib.sha256(BODY).hexdigest())
UNKNOWN = D4rlFile("toy-v2", "toy.hdf5", None, None)
TRIES = len(WAITS) + 1


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(module, "CHUNK", 256)
    with Host() as made:
        yield made


class Client:
    """One download folder; waits are written down and not waited for."""

    def __init__(self, host: Host, folder: Path) -> None:
        self.host, self.target = host, folder / "toy.hdf5"
        self.waits: list[float] = []
        self.lines: list[str] = []

    def get(self, file: D4rlFile = KNOWN, timeout: float = 5.0) -> tuple[int, str]:
        return download(self.host.url + "toy.hdf5", self.target, file, timeout, self.lines.append, self.waits.append)

    def refused(self, file: D4rlFile = KNOWN, timeout: float = 5.0) -> str:
        """The error's text; nothing that a reader would take for data is there."""
        with pytest.raises(SourceError) as caught:
            self.get(file, timeout)
        assert visible_files(self.target.parent) == []
        assert list(self.target.parent.glob("*.hdf5")) == []
        return str(caught.value)

    @property
    def kept(self) -> int:
        path = self.target.with_name(".toy.hdf5.partial")
        return path.stat().st_size if path.exists() else 0

    def has_only_the_file(self, body: bytes = BODY) -> bool:
        return [path.name for path in self.target.parent.iterdir()] == ["toy.hdf5"] and self.target.read_bytes() == body


@pytest.fixture
def client(host: Host, tmp_path: Path) -> Client:
    return Client(host, tmp_path)


def serve(host: Host, *wrong: faults.Fault, body: bytes = BODY, **values: object) -> Served:
    host.files["/toy.hdf5"] = Served(body, wrong, **values)  # type: ignore[arg-type]
    return host.files["/toy.hdf5"]


def ranges(host: Host) -> list[str | None]:
    return [asked for _, asked in host.asked]


@pytest.mark.parametrize("file", [KNOWN, UNKNOWN], ids=["known", "unknown"])
def test_a_dropped_connection_is_gone_on_from(host: Host, client: Client, file: D4rlFile) -> None:
    serve(host, faults.short(5000))
    assert client.get(file) == (len(BODY), KNOWN.sha256)
    assert client.has_only_the_file()
    first, second = ranges(host)
    assert first is None
    assert second is not None
    start = int(second.removeprefix("bytes=").rstrip("-"))
    assert 5000 - 256 <= start <= 5000
    assert client.waits == [WAITS[0]]
    assert any("truncated" in line or "IncompleteRead" in line for line in client.lines)


def test_a_reset_connection_is_survived(host: Host, client: Client) -> None:
    serve(host, faults.drop(3000), faults.drop(3000))
    client.get()
    assert client.has_only_the_file()
    assert len(host.asked) == 3


def test_as_many_drops_as_bytes_allow_are_survived(host: Host, client: Client) -> None:
    """Each brings new bytes, so the waits start again; there are more drops than waits."""
    serve(host, *always(faults.short(1100), 10))
    client.get()
    assert client.has_only_the_file()
    assert len(host.asked) > TRIES
    assert set(client.waits) == {WAITS[0]}


def test_drops_without_new_bytes_end(host: Host, client: Client) -> None:
    serve(host, faults.short(5000), *always(faults.short(0), 100))
    reason = client.refused()
    assert f"tried {TRIES} times without new bytes" in reason
    assert f"{client.kept:,} bytes are kept for the next try" in reason
    assert client.waits == list(WAITS)
    assert len(host.asked) == TRIES


def test_the_next_run_goes_on_where_this_one_ended(host: Host, client: Client) -> None:
    serve(host, faults.short(9000), *always(faults.status(500), len(WAITS)))
    assert "HTTP 500" in client.refused()
    kept = client.kept
    assert 9000 - 256 <= kept <= 9000
    host.asked.clear()
    client.get()
    assert ranges(host) == [f"bytes={kept}-"]
    assert client.has_only_the_file()


@pytest.mark.parametrize("file", [KNOWN, UNKNOWN], ids=["known", "unknown"])
def test_a_disk_that_takes_no_more_is_said_and_what_it_took_is_gone_on_from(
    host: Host, client: Client, file: D4rlFile
) -> None:
    """A limit on the size of files, for a disk that is full: it takes a part of the last chunk, then nothing."""
    serve(host)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(BODY) - 10, limits[1]))
    try:
        with pytest.raises(DataError, match=r"toy\.hdf5: cannot be written \(File too large\)"):
            client.get(file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert visible_files(client.target.parent) == []
    kept = client.kept
    assert 0 < kept < len(BODY)
    client.get(file)
    assert ranges(host) == [None, f"bytes={kept}-"]
    assert client.has_only_the_file()


def test_a_changed_file_is_fetched_from_its_start(host: Host, client: Client) -> None:
    """Its ETag is another: the server sends it whole, and no byte of the old one stays."""
    serve(host, *always(faults.short(4000), 1), *always(faults.status(503), len(WAITS)))
    client.refused(UNKNOWN)
    serve(host, body=OTHER, tag='"2"')
    client.get(UNKNOWN)
    assert client.has_only_the_file(OTHER)


@pytest.mark.parametrize("tag", [None, 'W/"1"'])
def test_without_a_mark_of_its_version_only_a_checksum_lets_it_go_on(
    host: Host, client: Client, tag: str | None
) -> None:
    serve(host, faults.short(4000), tag=tag)
    client.get(UNKNOWN)
    assert ranges(host) == [None, None]
    host.asked.clear()
    client.target.unlink()
    serve(host, faults.short(4000), tag=tag)
    client.get(KNOWN)
    assert ranges(host)[1] is not None


def test_parts_of_two_files_are_fetched_anew(host: Host, client: Client) -> None:
    """The server cannot tell its versions apart; the checksum can."""
    serve(host, faults.short(4000), *always(faults.status(500), len(WAITS)), body=OTHER, tag=None)
    client.refused()
    serve(host, tag=None)
    client.get()
    assert client.has_only_the_file()
    assert ranges(host)[-1] is None
    assert any("wrong sha256" in line for line in client.lines)


def test_a_host_without_ranges_starts_over(host: Host, client: Client) -> None:
    serve(host, faults.short(5000), ranges=False)
    client.get()
    assert client.has_only_the_file()
    assert ranges(host)[1] is not None


def test_a_host_without_ranges_that_always_drops_is_given_up(host: Host, client: Client) -> None:
    serve(host, *always(faults.drop(5000), 100), ranges=False)
    client.refused()
    assert len(host.asked) <= 1 + TRIES


def test_a_refused_range_starts_over(host: Host, client: Client) -> None:
    serve(host, faults.short(5000), faults.status(416))
    client.get()
    assert ranges(host)[2] is None
    assert client.has_only_the_file()


def test_another_range_than_asked_for_is_not_used(host: Host, client: Client) -> None:
    def shifted(handler: faults.Handler, served: Served) -> None:
        handler.send_response(206)
        handler.send_header("Content-Range", f"bytes 0-99/{len(BODY)}")
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(BODY[:100])

    serve(host, faults.short(5000), shifted)
    client.get()
    assert client.has_only_the_file()


@pytest.mark.parametrize("file", [KNOWN, UNKNOWN], ids=["known", "unknown"])
def test_short_bodies_are_never_the_file(host: Host, client: Client, file: D4rlFile) -> None:
    """Stated or not: a file of unknown size is one that HDF5 opens whole."""
    serve(host, *always(faults.short(0), 100))
    reason = client.refused(file)
    assert "IncompleteRead" in reason or "truncated" in reason
    serve(host, *always(faults.unstated(len(BODY) // 2), 100), ranges=False)
    assert "truncated" in client.refused(file)


def test_wrong_bytes_are_refused_and_not_kept(host: Host, client: Client) -> None:
    serve(host, faults.instead(OTHER))
    assert f"wrong sha256: {hashlib.sha256(OTHER).hexdigest()}, expected {KNOWN.sha256}" in client.refused()
    assert client.kept == 0
    assert len(host.asked) == 1
    serve(host, faults.instead(b"<html>" + bytes(len(BODY) - 6)))
    assert "is no HDF5 file: starts with b'<html>" in client.refused()
    assert client.kept == 0


@pytest.mark.parametrize(("code", "asked"), [(403, 1), (401, 1), (404, 1), (500, TRIES), (502, TRIES), (429, TRIES)])
def test_errors_are_named_and_passing_ones_tried_again(host: Host, client: Client, code: int, asked: int) -> None:
    serve(host, *always(faults.status(code), 100))
    assert f"HTTP {code}" in client.refused()
    assert len(host.asked) == asked
    assert client.waits == list(WAITS)[: asked - 1]


def test_an_overloaded_host_is_waited_for(host: Host, client: Client) -> None:
    serve(host, faults.status(503), faults.status(500))
    client.get()
    assert client.has_only_the_file()
    assert client.waits == list(WAITS[:2])


@pytest.mark.parametrize("after", [None, 3000], ids=["before the answer", "in the body"])
def test_a_host_that_hangs_is_given_up(host: Host, client: Client, after: int | None) -> None:
    event = threading.Event()
    serve(host, *always(faults.hang(event, after), 100), ranges=False)
    assert "no answer within 0.2 s" in client.refused(timeout=0.2)
    event.set()


def test_a_host_that_hangs_once_is_gone_on_from(host: Host, client: Client) -> None:
    event = threading.Event()
    serve(host, faults.hang(event, 3000))
    client.get(timeout=0.5)
    event.set()
    assert client.has_only_the_file()


@pytest.mark.parametrize("file", [KNOWN, UNKNOWN], ids=["known", "unknown"])
def test_an_endless_body_is_cut(host: Host, client: Client, file: D4rlFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_UNKNOWN_BYTES", 1 << 16)
    serve(host, faults.endless)
    limit = len(BODY) if file is KNOWN else 1 << 16
    assert f"too large: more than the {limit:,} bytes expected" in client.refused(file)
    assert client.kept == 0
    assert len(host.asked) == 1


def test_a_finished_part_is_checked_and_not_asked_for_again(host: Host, client: Client) -> None:
    """A run killed between the last byte and the final name."""
    serve(host, faults.short(5000), *always(faults.status(500), len(WAITS)))
    client.refused()
    client.target.with_name(".toy.hdf5.partial").write_bytes(BODY)
    host.asked.clear()
    client.get()
    assert host.asked == []
    assert client.has_only_the_file()


def test_a_damaged_note_is_no_reason_to_fail(host: Host, client: Client) -> None:
    serve(host, faults.short(5000), *always(faults.status(500), len(WAITS)))
    client.refused()
    note = client.target.with_name(".toy.hdf5.partial.json")
    assert json.loads(note.read_text())["version"] == '"1"'
    note.write_text("{")
    client.get()
    assert client.has_only_the_file()


@pytest.mark.parametrize("note", ["[]", "7", '{"url": 1, "version": {}, "total": "x"}', '{"total": -1}', "[" * 5000])
def test_a_forged_note_is_no_reason_to_fail(host: Host, client: Client, note: str) -> None:
    serve(host, faults.short(5000), *always(faults.status(500), len(WAITS)))
    client.refused()
    client.target.with_name(".toy.hdf5.partial.json").write_text(note)
    client.get()
    assert client.has_only_the_file()


@pytest.mark.parametrize("length", ["9" * 5000, "-1", "1e3", "x", "\u0663"])
def test_a_stated_length_that_is_none_states_nothing(host: Host, client: Client, length: str) -> None:
    serve(host, faults.stating("Content-Length", length), ranges=False)
    client.get()
    assert client.has_only_the_file()


def test_a_packed_answer_is_refused_before_its_body(host: Host, client: Client) -> None:
    """No stated size bounds what a body unpacks to."""
    serve(host, *always(faults.stating("Content-Encoding", "gzip"), 100))
    assert "answers with the encoding 'gzip', which was not asked for" in client.refused()
    assert (client.kept, len(host.asked)) == (0, 1)


def test_a_redirect_that_leaves_https_is_refused(host: Host, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host behind it would give the right bytes; so could anyone else."""
    send = requests.adapters.HTTPAdapter.send

    def sent(adapter: Any, request: Any, **values: Any) -> Any:
        if request.url.startswith("http:"):
            return send(adapter, request, **values)
        answer = requests.Response()
        answer.status_code, answer.url, answer.request, answer.raw = 302, request.url, request, io.BytesIO()
        answer.headers["Location"] = host.url + "toy.hdf5"
        return answer

    serve(host)
    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", sent)
    with pytest.raises(SourceError, match=r"redirects from https to http://127\.0\.0\.1"):
        download("https://host.invalid/toy.hdf5", client.target, KNOWN, 5.0, client.lines.append, client.waits.append)
    assert client.kept == 0
    assert client.waits == []


def test_a_certificate_that_is_none_is_not_tried_again(host: Host, client: Client) -> None:
    serve(host)
    url = host.url.replace("http:", "https:") + "toy.hdf5"
    with pytest.raises(SourceError, match="transfer failed: SSLError"):
        download(url, client.target, KNOWN, 5.0, client.lines.append, client.waits.append)
    assert client.waits == []


def test_a_page_that_says_nothing_is_there_is_no_file(host: Host, client: Client) -> None:
    host.files.clear()
    with pytest.raises(SourceError) as caught:
        client.get()
    assert caught.value.missing


def test_waits_grow_and_end() -> None:
    assert list(WAITS) == sorted(WAITS)
    assert sum(WAITS) <= 60.0
