"""An npz file is held against what its members hold before anything is unpacked, and never unpickled."""

import io
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from qdot.data import npz as module
from qdot.data.npz import read_npz
from qdot.errors import DataError

KEYS = ("observations", "actions")
WHOLE = np.arange(12, dtype=np.float32).reshape(3, 4)


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def header(shape: str, kind: str = "<f4", body: bytes = b"") -> bytes:
    """An npy file whose header says what it is told to."""
    text = f"{{'descr': {kind!r}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (-(10 + len(text) + 1) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + body


@pytest.fixture
def pack(tmp_path: Path) -> Callable[..., Path]:
    """Write members as an archive; gives its path."""

    def write(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
        path = tmp_path / "data.npz"
        with zipfile.ZipFile(path, "w", method) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return path

    return write


def test_wanted_arrays_come_back_and_others_are_not_read(pack: Callable[..., Path]) -> None:
    found = read_npz(pack({"observations.npy": npy(WHOLE), "other.npy": b"no array"}), KEYS)
    assert list(found) == ["observations"]
    np.testing.assert_array_equal(found["observations"], WHOLE)


@pytest.mark.parametrize(
    "shape",
    ["(1152921504606846976,)", "(4294967296, 4294967296)", "(3, 5)", "(-3, -4)", "(True, 12)", "()", "(1 << 3,)"],
)
def test_a_header_that_claims_what_the_member_does_not_hold_is_refused(pack: Callable[..., Path], shape: str) -> None:
    """numpy makes room for the claimed shape first; here no more is taken than the file is large."""
    path = pack({"observations.npy": header(shape, body=WHOLE.tobytes())})
    tracemalloc.start()
    with pytest.raises(DataError, match=r"data\.npz: .*(header claims shape|truncated, damaged)"):
        read_npz(path, KEYS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


@pytest.mark.parametrize("kind", ["|O", "<c8", "|S4", "<U4", "|V4", "<M8[s]"])
def test_what_is_no_array_of_numbers_is_refused(pack: Callable[..., Path], kind: str) -> None:
    with pytest.raises(DataError, match=r"observations: dtype .*holds objects or text; expected arrays of numbers"):
        read_npz(pack({"observations.npy": header("(3,)", kind, bytes(200))}), KEYS)


def test_a_bomb_is_refused_by_what_the_archive_claims(
    pack: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten megabytes of zeros in ten kilobytes: honest, and more than this machine is said to have."""
    path = pack({"observations.npy": npy(np.zeros((1 << 20, 5), np.float16))})
    assert path.stat().st_size < 20_000
    assert read_npz(path, KEYS)["observations"].shape == (1 << 20, 5)
    monkeypatch.setattr(module, "MAX_BYTES", 1 << 20)
    with pytest.raises(DataError, match=r"claims 10,485,\d+ bytes; at most 1,048,576 are read"):
        read_npz(path, KEYS)


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_packings_that_numpy_does_not_write_are_refused(pack: Callable[..., Path], method: int) -> None:
    """LZMA's header asks for a dictionary of up to four gigabytes."""
    with pytest.raises(DataError, match="packed by method"):
        read_npz(pack({"observations.npy": npy(WHOLE)}, method), KEYS)


def test_an_array_twice_is_refused(pack: Callable[..., Path]) -> None:
    path = pack({"observations.npy": npy(WHOLE)})
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("observations.npy", npy(WHOLE + 1))
    with pytest.raises(DataError, match="holds an array twice"):
        read_npz(path, KEYS)


def test_members_that_lead_elsewhere_are_names_like_others(pack: Callable[..., Path], tmp_path: Path) -> None:
    path = pack({"../observations.npy": npy(WHOLE), "/tmp/actions.npy": npy(WHOLE)})
    assert read_npz(path, KEYS) == {}
    assert [entry.name for entry in tmp_path.iterdir()] == ["data.npz"]


def test_an_encrypted_member_is_refused(pack: Callable[..., Path]) -> None:
    path = pack({"observations.npy": npy(WHOLE)}, zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + offset] |= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="encrypted"):
        read_npz(path, KEYS)


@seed(0)
@settings(max_examples=200, database=None, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet="(){}[],:'0123456789-<f4|OTrue \n\\\"", max_size=60), st.binary(max_size=48))
def test_any_header_is_read_or_refused(pack: Callable[..., Path], text: str, body: bytes) -> None:
    """Only errors of ours come, whatever numpy's parser makes of the text."""
    content = b"\x93NUMPY\x01\x00" + len(text.encode()).to_bytes(2, "little") + text.encode() + body
    try:
        read_npz(pack({"observations.npy": content}), KEYS)
    except DataError:
        return
