import functools
import hashlib
import io
import socket
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from qdot.data import download, fetch
from qdot.data.checked import SourceError
from qdot.data.d4rl import D4rlFile, find_file
from qdot.data.files import visible_files
from qdot.errors import DataError


def hdf5(value: float) -> bytes:
    """A small HDF5 file's bytes."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file["observations"] = np.full(2048, value)
    return content.getvalue()


BODY, OTHER = hdf5(0.0), hdf5(1.0)
FILE = D4rlFile("toy-medium-v2", "folder/toy.hdf5", len(BODY), hashlib.sha256(BODY).hexdigest())
UNKNOWN = D4rlFile("toy-medium-v2", "folder/toy.hdf5", None, None)


@pytest.fixture(autouse=True)
def _no_mirror_and_no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(fetch.MIRROR_VARIABLE, raising=False)
    monkeypatch.setattr(fetch, "fetch", functools.partial(fetch.fetch, sleep=lambda seconds: None))


def params(*bases: str, **changes: Any) -> dict[str, Any]:
    return {"base_url": bases[0], "mirrors": list(bases[1:]), "local_mirror": None, "timeout_seconds": 5.0} | changes


def closed_port() -> str:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{opened.getsockname()[1]}/"


def only_failure(base: str, folder: Path, file: D4rlFile = FILE, **changes: Any) -> str:
    """The error's text where one server is the only source; no file is left, but for hidden parts of one."""
    with pytest.raises(DataError) as caught:
        fetch.fetch(file, folder, params(base, **changes))
    assert visible_files(folder) == []
    return str(caught.value)


def test_official_file_is_downloaded_and_verified(serve: Any, send: Any, tmp_path: Path) -> None:
    base, asked = serve({"/folder/toy.hdf5": send(BODY)})
    lines: list[str] = []
    got = fetch.fetch(FILE, tmp_path, params(base), lines.append)
    assert (tmp_path / "toy.hdf5").read_bytes() == BODY
    assert (got.source, got.bytes, got.sha256, got.verified) == (f"{base}folder/toy.hdf5", len(BODY), FILE.sha256, True)
    assert "verified" in lines[-1]
    assert asked == ["/folder/toy.hdf5"]


def test_right_file_in_the_raw_folder_needs_no_source(tmp_path: Path) -> None:
    (tmp_path / "toy.hdf5").write_bytes(BODY)
    got = fetch.fetch(FILE, tmp_path, params(closed_port()))
    assert got.source == "already here"
    assert got.verified


def test_wrong_file_in_the_raw_folder_is_fetched_again(serve: Any, send: Any, tmp_path: Path) -> None:
    (tmp_path / "toy.hdf5").write_bytes(OTHER)
    base, _ = serve({"/folder/toy.hdf5": send(BODY)})
    fetch.fetch(FILE, tmp_path, params(base))
    assert (tmp_path / "toy.hdf5").read_bytes() == BODY


def test_mirror_with_wrong_bytes_is_left_for_the_next(serve: Any, send: Any, tmp_path: Path) -> None:
    down = closed_port()
    wrong, wrong_asked = serve({"/folder/toy.hdf5": send(OTHER), "/toy.hdf5": send(BODY)})
    right, right_asked = serve({"/toy.hdf5": send(BODY)})
    got = fetch.fetch(FILE, tmp_path, params(down, wrong, right))
    assert got.source == f"{right}toy.hdf5"
    assert wrong_asked == ["/folder/toy.hdf5"]
    assert right_asked == ["/folder/toy.hdf5", "/toy.hdf5"]  # by the table's path, then by name
    assert (tmp_path / "toy.hdf5").read_bytes() == BODY


def test_failure_names_every_source_with_its_reason(serve: Any, send: Any, tmp_path: Path) -> None:
    down = closed_port()
    wrong, _ = serve({"/folder/toy.hdf5": send(OTHER)})
    empty, _ = serve({})
    mirror = tmp_path / "mirror"
    with pytest.raises(DataError) as caught:
        fetch.fetch(FILE, tmp_path / "raw", params(down, wrong, empty, local_mirror=str(mirror)))
    text = str(caught.value)
    for part in (
        f"{tmp_path / 'raw' / 'toy.hdf5'}: no such file",
        f"{mirror / 'folder' / 'toy.hdf5'}: cannot be read (No such file",
        f"{down}folder/toy.hdf5: transfer failed: ConnectionRefusedError",
        f"{wrong}folder/toy.hdf5: wrong s",
        f"{empty}folder/toy.hdf5: HTTP 404",
        f"{empty}toy.hdf5: HTTP 404",
        "set QDOT_D4RL_MIRROR",
        f"Put the file at {tmp_path / 'raw' / 'toy.hdf5'}",
    ):
        assert part in text
    assert visible_files(tmp_path / "raw") == []


@pytest.mark.parametrize("length", [-1, None], ids=["stated", "not stated"])
def test_larger_file_than_expected_is_refused(serve: Any, send: Any, tmp_path: Path, length: int | None) -> None:
    base, _ = serve({"/folder/toy.hdf5": send(BODY + b"x", length)})
    assert "too large" in only_failure(base, tmp_path)


def test_file_of_unknown_size_is_bounded(
    serve: Any, send: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "MAX_UNKNOWN_BYTES", 4096)
    silent, _ = serve({"/folder/toy.hdf5": send(BODY, None)})
    stated, _ = serve({"/folder/toy.hdf5": send(BODY)})
    assert "too large: more than the 4,096" in only_failure(silent, tmp_path, UNKNOWN)
    assert "too large: the server states" in only_failure(stated, tmp_path, UNKNOWN)


def test_redirect_loop_ends(serve: Any, tmp_path: Path) -> None:
    def redirect(handler: Any) -> None:
        handler.send_response(302)
        handler.send_header("Location", "/folder/toy.hdf5")
        handler.end_headers()

    base, asked = serve({"/folder/toy.hdf5": redirect})
    assert "redirects more than 5 times" in only_failure(base, tmp_path)
    assert len(asked) == 6


def test_redirect_to_a_local_file_is_not_followed(serve: Any, tmp_path: Path) -> None:
    secret = tmp_path / "secret.hdf5"
    secret.write_bytes(BODY)

    def redirect(handler: Any) -> None:
        handler.send_response(302)
        handler.send_header("Location", f"file://{secret}")
        handler.end_headers()

    base, _ = serve({"/folder/toy.hdf5": redirect})
    (tmp_path / "raw").mkdir()
    assert "transfer failed: InvalidSchema" in only_failure(base, tmp_path / "raw")


def test_trickle_is_given_up(serve: Any, send: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "SLOW_AFTER_SECONDS", 0.0)
    monkeypatch.setattr(download, "MIN_RATE", 1e15)
    base, _ = serve({"/folder/toy.hdf5": send(BODY)})
    assert "too slow" in only_failure(base, tmp_path)


def test_progress_says_how_far_it_is(serve: Any, send: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(download, "CHUNK", 8192)
    lines: list[str] = []
    base, _ = serve({"/folder/toy.hdf5": send(BODY)})
    fetch.fetch(FILE, tmp_path, params(base), lines.append)
    assert len([line for line in lines if "MB/s" in line]) == -(-len(BODY) // 8192)


def test_page_in_place_of_an_unknown_file_is_refused(serve: Any, send: Any, tmp_path: Path) -> None:
    base, _ = serve({"/folder/toy.hdf5": send(b"<html>not found</html>")})
    assert "is no HDF5 file" in only_failure(base, tmp_path, UNKNOWN)


def test_file_without_a_known_checksum_is_unverified(serve: Any, send: Any, tmp_path: Path) -> None:
    base, _ = serve({"/folder/toy.hdf5": send(BODY)})
    lines: list[str] = []
    got = fetch.fetch(UNKNOWN, tmp_path, params(base), lines.append)
    assert not got.verified
    assert got.sha256 == FILE.sha256
    assert "unverified" in lines[-1]


@pytest.mark.parametrize("place", ["folder/toy.hdf5", "toy.hdf5"])
def test_environment_variable_wins_over_the_local_mirror(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    source = tmp_path / "mine" / place
    source.parent.mkdir(parents=True)
    source.write_bytes(BODY)
    monkeypatch.setenv(fetch.MIRROR_VARIABLE, str(tmp_path / "mine"))
    got = fetch.fetch(FILE, tmp_path / "raw", params(closed_port(), local_mirror=str(tmp_path / "absent")))
    assert got.source == "local mirror"
    assert got.path.read_bytes() == BODY


def test_bad_copy_in_the_local_mirror_is_passed_over(
    serve: Any, send: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "toy.hdf5").write_bytes(BODY[:-1])
    monkeypatch.setenv(fetch.MIRROR_VARIABLE, str(tmp_path / "mine"))
    base, _ = serve({"/folder/toy.hdf5": send(BODY)})
    assert fetch.fetch(FILE, tmp_path / "raw", params(base)).source == f"{base}folder/toy.hdf5"


def test_unwritable_raw_folder_is_named(serve: Any, send: Any, tmp_path: Path) -> None:
    (tmp_path / "raw").write_text("a file where the folder should be")
    base, _ = serve({"/folder/toy.hdf5": send(BODY)})
    with pytest.raises(DataError, match=r"raw/toy\.hdf5: cannot be written"):
        fetch.fetch(FILE, tmp_path / "raw", params(base))


def test_table_lists_every_d4rl_dataset_of_the_study() -> None:
    import yaml

    root = Path(__file__).parents[2]
    study = yaml.safe_load((root / "params.yaml").read_text())
    names = [name for name, block in study["datasets"].items() if block["domain"] in ("gym", "antmaze", "kitchen")]
    files = [find_file(name, root) for name in names]
    assert len({file.name for file in files}) == len(names) >= 24  # one name each: they share a folder
    assert all(file.widths is not None for file in files)


def test_unknown_dataset_is_named() -> None:
    with pytest.raises(DataError, match=r"hopper-medium-v9: no D4RL file of this name.*hopper-medium-v2"):
        find_file("hopper-medium-v9", Path(__file__).parents[2])


def test_damaged_table_is_named(tmp_path: Path) -> None:
    path = tmp_path / "workflow" / "resources" / "d4rl_files.csv"
    path.parent.mkdir(parents=True)
    path.write_text("dataset,path,bytes,sha256\nhopper,a/b.hdf5,many,\n")
    with pytest.raises(DataError, match=r"d4rl_files\.csv: malformed"):
        find_file("hopper", tmp_path)


@pytest.mark.parametrize(
    "row",
    [
        "../../x.hdf5,,",
        "/etc/passwd,,",
        "a/../../x.hdf5,,",
        "a/..,,",
        "a/,,",
        ",,",
        "a\x1bb.hdf5,,",
        "a.hdf5,-5,",
        "a.hdf5,1e3,",
        "a.hdf5,٣,",
        f"a.hdf5,{'9' * 5000},",
        "a.hdf5,,abc",
        f"a.hdf5,,{'g' * 64}",
    ],
)
def test_a_row_that_leads_elsewhere_or_counts_nothing_is_refused(tmp_path: Path, row: str) -> None:
    """Paths are joined to a mirror's folder, and the last part to that of raw files."""
    path = tmp_path / "workflow" / "resources" / "d4rl_files.csv"
    path.parent.mkdir(parents=True)
    path.write_text(f"dataset,path,bytes,sha256\nhopper,{row}\n")
    with pytest.raises(DataError, match=r"d4rl_files\.csv: malformed \(row 'hopper'\)"):
        find_file("hopper", tmp_path)


def test_a_host_is_asked_by_https_first_whether_or_not_a_checksum_vouches_for_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def down(url: str, *_: Any) -> tuple[int, str]:
        asked.append(url)
        raise SourceError("down", missing=url.startswith("https:"))

    monkeypatch.setattr(fetch, "download", down)
    hosts = ("http://host.invalid/data/", "http://other.invalid:8080/", "https://safe.invalid/")
    with pytest.raises(DataError):
        fetch.fetch(UNKNOWN, tmp_path, params(*hosts))
    assert asked == [
        "https://host.invalid/data/folder/toy.hdf5",
        "http://host.invalid/data/folder/toy.hdf5",
        "http://other.invalid:8080/folder/toy.hdf5",
        "https://safe.invalid/folder/toy.hdf5",
        "https://safe.invalid/toy.hdf5",
    ]
    asked.clear()
    with pytest.raises(DataError):
        fetch.fetch(FILE, tmp_path, params("http://host.invalid/"))
    assert asked == [f"{scheme}://host.invalid/folder/toy.hdf5" for scheme in ("https", "http")]
