"""HDF5 files that lie: no more is read than they hold, nothing outside them, and every refusal is an error of ours."""

import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from qdot.data import hdf5 as module
from qdot.data.hdf5 import read_d4rl
from qdot.data.steps import read_steps
from qdot.data.validate import check_recording
from qdot.errors import DataError

from .conftest import layout

Write = Callable[..., Path]
KINDS = {
    "complex": np.zeros((12, 4), np.complex64),
    "text": np.array([[b"a"] * 4] * 12),
    "integers": np.zeros((12, 4), np.int64),
    "truth values": np.zeros((12, 4), bool),
    "records": np.zeros(12, [("a", "f4")]),
    "opaque": np.zeros(12, "V8"),
}


def read(path: Path) -> None:
    check_recording(read_d4rl(path), None)


def refused(path: Path, *parts: str) -> str:
    """Both readers refuse the file, and name it."""
    with pytest.raises(DataError) as caught:
        read(path)
    for part in (str(path), *parts):
        assert part in str(caught.value)
    with pytest.raises(DataError):
        read_steps(path)
    return str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_other_kinds_than_floats_are_refused_by_key(write_hdf5: Write, kind: str) -> None:
    refused(write_hdf5(observations=KINDS[kind]), "observations: dtype")


def test_kinds_that_numpy_cannot_hold_plainly_are_refused(write_hdf5: Write) -> None:
    path = write_hdf5(observations=None)
    for kind in (h5py.string_dtype(), h5py.vlen_dtype(np.float32), h5py.ref_dtype, np.dtype(("f4", (3,)))):
        with h5py.File(path, "a") as file:
            if "observations" in file:
                del file["observations"]
            file.create_dataset("observations", (12,), kind)
        refused(path, "observations")


def test_flags_are_zeros_and_ones_whatever_their_kind(write_hdf5: Write) -> None:
    for kind in (np.int8, np.uint16, np.float64, bool):
        assert read_d4rl(write_hdf5(terminals=layout()["terminals"].astype(kind))).terminals.sum() == 1
    for bad in (np.full(12, np.nan), np.full(12, 2), np.full(12, -1), np.array([b"1"] * 12)):
        refused(write_hdf5(terminals=bad), "terminals")


@pytest.mark.parametrize("shape", [(), (12,), (12, 2, 2), (12, 0), (0, 4)])
def test_other_ranks_and_empty_arrays_are_refused(write_hdf5: Write, shape: tuple[int, ...]) -> None:
    refused(write_hdf5(observations=np.zeros(shape, np.float32)))


def test_a_dataset_without_a_shape_is_refused(write_hdf5: Write) -> None:
    path = write_hdf5(observations=None)
    with h5py.File(path, "a") as file:
        file["observations"] = h5py.Empty("f4")
    refused(path, "observations: is a single value")


def test_contiguous_data_is_no_larger_than_the_file(write_hdf5: Write) -> None:
    """Shape and size are two numbers of the header: a forger sets both."""
    count = 64_997  # in no other place of the file
    path = write_hdf5("small.hdf5", observations=np.zeros((count, 4), np.float32))
    content, rows, size = path.read_bytes(), count.to_bytes(8, "little"), (count * 16).to_bytes(8, "little")
    forged = (1 << 26).to_bytes(8, "little"), ((1 << 26) * 16).to_bytes(8, "little")
    assert rows in content
    assert size in content
    path.write_bytes(content.replace(rows, forged[0]).replace(size, forged[1]))
    refused(path)


def test_a_chunk_is_no_larger_than_what_it_can_hold(write_hdf5: Write) -> None:
    """The library makes room for a whole chunk, also of a dataset of twelve rows."""
    path = write_hdf5(observations=None)
    with h5py.File(path, "a") as file:
        chunks = {"chunks": (1 << 24, 4), "maxshape": (None, 4), "compression": "gzip"}
        file.create_dataset("observations", (12, 4), "f4", **chunks)
        identity = file["observations"].id
        identity.write_direct_chunk((0, 0), b"x\x9c" + bytes(400))
    refused(path, "observations: header claims shape (12, 4)", "in chunks of 268,435,456 bytes")


def test_all_arrays_together_are_bounded(write_hdf5: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """One packed array under many names is many times a file."""
    path = write_hdf5()
    with h5py.File(path, "a") as file:
        file["next_observations"] = file["observations"]
    read(path)
    monkeypatch.setattr(module, "MAX_BYTES", 12 * 4 * 4 * 2)
    refused(path, "bytes in all; at most 384 are read")


def test_a_loop_of_groups_is_no_loop_of_the_reader(write_hdf5: Write) -> None:
    path = write_hdf5()
    with h5py.File(path, "a") as file:
        group = file.create_group("infos")
        for number in range(2):
            group[f"self{number}"] = group
            group[f"top{number}"] = file["/"]
    read(path)
    read_steps(path)


def test_groups_named_like_datasets_are_refused(write_hdf5: Write) -> None:
    path = write_hdf5(observations=None)
    with h5py.File(path, "a") as file:
        file["observations/observations"] = np.zeros((12, 4), np.float32)
    refused(path, "observations: is a group")


def test_names_and_attributes_of_any_kind_disturb_nothing(write_hdf5: Write) -> None:
    path = write_hdf5()
    with h5py.File(path, "a") as file:
        file.create_group(b"\xff\xfe\x1b[31m")
        for holder in (file, file["observations"]):
            holder.attrs[b"\xff"] = b"\xff"
            holder.attrs["large"] = np.zeros(4000)
            holder.attrs["empty"] = h5py.Empty("f4")
            holder.attrs["reference"] = file["actions"].ref
    read(path)
    path = write_hdf5(observations=None)
    with h5py.File(path, "a") as file:
        file.create_group(b"\xff\xfe\x1b[31m")
    message = refused(path, "observations: missing", r"b'\xff\xfe\x1b[31m'")
    assert message.isprintable()


def test_links_are_refused_before_they_are_followed(write_hdf5: Write, tmp_path: Path) -> None:
    """What a link leads to may be a pipe, on which opening waits for ever."""
    os.mkfifo(tmp_path / "pipe")
    for link in (
        h5py.ExternalLink(str(tmp_path / "pipe"), "/x"),
        h5py.ExternalLink("../../x.hdf5", "/x"),
        h5py.ExternalLink("/etc/passwd", "/x"),
        h5py.SoftLink("/nowhere"),
        h5py.SoftLink("/actions"),
    ):
        for name in ("observations", "next_observations", "timeouts"):
            path = write_hdf5(**{name: None})
            with h5py.File(path, "a") as file:
                file[name] = link
            refused(path, f"{name}: is a link to elsewhere")


def test_a_folder_of_states_that_lies_elsewhere_is_refused(write_hdf5: Write, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.hdf5", "w") as other:
        other["infos/qpos"], other["infos/qvel"] = np.zeros((12, 3)), np.zeros((12, 3))
    for link in (h5py.ExternalLink(str(tmp_path / "other.hdf5"), "/infos"), h5py.SoftLink("/elsewhere")):
        path = write_hdf5()
        with h5py.File(path, "a") as file:
            file["infos"] = link
        with pytest.raises(DataError, match="infos: is a link to elsewhere"):
            read_steps(path)


def test_a_filter_that_is_not_built_in_is_refused(write_hdf5: Write) -> None:
    """Its number would make the library look for a program to load."""
    path = write_hdf5(observations=None)
    with h5py.File(path, "a") as file:
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk((12, 4))
        properties.set_filter(32_001, h5py.h5z.FLAG_OPTIONAL, (1,))
        space = h5py.h5s.create_simple((12, 4))
        made = h5py.h5d.create(file.id, b"observations", h5py.h5t.IEEE_F32LE, space, properties)
        made.write_direct_chunk((0, 0), bytes(192))
    refused(path, "filter")


@pytest.mark.parametrize("cut", [1, 7, 8, 9, 100, 500, 1000, -1])
def test_truncated_and_foreign_files_are_refused(write_hdf5: Write, cut: int) -> None:
    path = write_hdf5()
    path.write_bytes(path.read_bytes()[:cut])
    refused(path)


@pytest.mark.parametrize(
    "content", [b"", b"\x89HDF\r\n\x1a\n", b"\x89PNG\r\n\x1a\n", b"PK\x03\x04", b"\x80\x04\x95", b"\0" * 4096]
)
def test_other_formats_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "data.hdf5"
    path.write_bytes(content)
    refused(path)
