from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from qdot.data.hdf5 import breaks, read_d4rl
from qdot.data.validate import check_recording
from qdot.errors import DataError

from .conftest import layout

Write = Callable[..., Path]


def rejected(path: Path, *parts: str, widths: tuple[int, int] | None = None) -> None:
    """Reading and checking `path` fails, and the message names the file and every part."""
    with pytest.raises(DataError) as caught:
        check_recording(read_d4rl(path), widths)
    for part in (str(path), *parts):
        assert part in str(caught.value)


def test_arrays_are_read_as_written(write_hdf5: Write) -> None:
    recording = read_d4rl(write_hdf5())
    wanted = layout()
    for key in ("observations", "actions", "rewards", "terminals"):
        np.testing.assert_array_equal(getattr(recording, key), wanted[key])
    np.testing.assert_array_equal(recording.ends, wanted["timeouts"])
    assert recording.next_observations is None


def test_float64_is_rounded_to_float32(write_hdf5: Write) -> None:
    double = {key: array.astype(np.float64) / 3 for key, array in layout().items() if array.dtype == np.float32}
    recording = read_d4rl(write_hdf5(**double))
    for key, array in double.items():
        assert getattr(recording, key).dtype == np.float32
        np.testing.assert_array_equal(getattr(recording, key), array.astype(np.float32))


def test_flags_may_be_numbers(write_hdf5: Write) -> None:
    flags = layout()["terminals"]
    for dtype in (np.uint8, np.int64, np.float32):
        np.testing.assert_array_equal(read_d4rl(write_hdf5(terminals=flags.astype(dtype))).terminals, flags)
    rejected(write_hdf5(terminals=flags * 2), "terminals: row 3: value 2", "expected 0 or 1")


def test_other_members_are_ignored(write_hdf5: Write) -> None:
    path = write_hdf5(infos=np.zeros(12, np.int64))
    with h5py.File(path, "a") as file:
        file.create_group("metadata")["policy"] = np.zeros(3)
        file["elsewhere"] = h5py.ExternalLink("/nonexistent.hdf5", "/x")
    assert len(read_d4rl(path)) == 12


@pytest.mark.parametrize("keep", [0, 8, 100, 3000, -1])
def test_truncated_file_is_named(write_hdf5: Write, keep: int) -> None:
    path = write_hdf5()
    path.write_bytes(path.read_bytes()[:keep])
    rejected(path, "truncated, damaged or no HDF5 file", "fetch it again")


def test_missing_file_is_named(tmp_path: Path) -> None:
    rejected(tmp_path / "absent.hdf5", "no such file")


@pytest.mark.parametrize("key", ["observations", "actions", "rewards", "terminals"])
def test_missing_key_is_named(write_hdf5: Write, key: str) -> None:
    rejected(write_hdf5(**{key: None}), f"{key}: missing", "found ", "expected observations, actions")


@pytest.mark.parametrize("key", ["observations", "actions", "rewards", "next_observations"])
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_value_that_is_no_number_is_named_by_row(write_hdf5: Write, key: str, value: float) -> None:
    array = (layout() | {"next_observations": layout(seed=1)["observations"]})[key].astype(np.float64)
    array[5:7] = value
    rejected(write_hdf5(**{key: array}), f"{key}: row 5: value", "(2 bad rows of 12)")


def test_widths_are_those_of_the_domain(write_hdf5: Write) -> None:
    path = write_hdf5()
    check_recording(read_d4rl(path), (4, 2))
    rejected(path, "actions: width 2; expected 3", widths=(4, 3))
    rejected(path, "observations: width 4; expected 5", widths=(5, 2))
    rejected(write_hdf5(next_observations=np.zeros((12, 3), np.float32)), "next_observations: width 3; expected 4")


def test_shapes_and_lengths_are_checked(write_hdf5: Write) -> None:
    rejected(write_hdf5(rewards=np.zeros(11, np.float32)), "lengths differ", "rewards 11")
    rejected(write_hdf5(rewards=np.zeros((12, 1), np.float32)), "rewards: shape (12, 1); expected (rows,)")
    rejected(write_hdf5(observations=np.zeros((12, 4, 4), np.float32)), "observations: shape (12, 4, 4)")
    rejected(write_hdf5(actions=np.zeros((12, 0), np.float32)), "actions")
    rejected(write_hdf5(rewards=np.float32(0)), "rewards: is a single value")
    rejected(write_hdf5(**{key: array[:0] for key, array in layout().items()}), "no step")


def test_discrete_and_pixel_data_are_refused(write_hdf5: Write) -> None:
    rejected(write_hdf5(actions=np.zeros((12, 1), np.int64)), "actions: dtype int64", "discrete actions")
    pixels = np.zeros((12, 8, 8, 3), np.uint8)
    rejected(write_hdf5(observations=pixels), "observations: dtype uint8", "pixel observations")


def test_header_that_claims_more_than_the_file_holds_is_refused(write_hdf5: Write) -> None:
    for rows in (1 << 24, 1 << 60):
        path = write_hdf5(observations=None)
        with h5py.File(path, "a") as file:
            file.create_dataset("observations", shape=(rows, 4), dtype="f4", chunks=(1024, 4), compression="gzip")
            file["observations"][:12] = 1.0
        rejected(path, f"observations: header claims shape ({rows}, 4)")


def test_compressed_constants_are_read(write_hdf5: Write) -> None:
    path = write_hdf5(**{key: np.repeat(a[:1], 200_000, axis=0) for key, a in layout().items()} | {"timeouts": None})
    with h5py.File(path, "a") as file:
        file.create_dataset("timeouts", data=np.zeros(200_000, bool), compression="gzip", compression_opts=9)
    assert len(read_d4rl(path)) == 200_000


def test_data_outside_the_file_is_not_followed(write_hdf5: Write, tmp_path: Path) -> None:
    other = write_hdf5("other.hdf5")

    def linked(member: object) -> Path:
        path = write_hdf5(observations=None)
        with h5py.File(path, "a") as file:
            file["observations"] = member
        return path

    rejected(linked(h5py.ExternalLink(str(other), "observations")), "observations: is a link to elsewhere")
    rejected(linked(h5py.SoftLink("/actions")), "observations: is a link to elsewhere")
    virtual, external = write_hdf5("v.hdf5", observations=None), write_hdf5("e.hdf5", observations=None)
    with h5py.File(virtual, "a") as file:
        made = h5py.VirtualLayout((12, 4), np.float32)
        made[:] = h5py.VirtualSource(str(other), "observations", (12, 4))
        file.create_virtual_dataset("observations", made)
    (tmp_path / "bytes").write_bytes(bytes(12 * 16))
    with h5py.File(external, "a") as file:
        file.create_dataset("observations", (12, 4), "f4", external=str(tmp_path / "bytes"))
    rejected(virtual, "observations: its data lies in another file")
    rejected(external, "observations: its data lies in another file")


def test_breaks_are_where_the_next_row_does_not_continue() -> None:
    observations = np.array([[0.0], [1.0], [5.0], [6.0], [9.0]], np.float32)
    following = np.array([[1.0], [2.0], [6.0], [7.0], [10.0]], np.float32)
    assert breaks(observations, following).tolist() == [1, 3]


def test_unmarked_ends_are_found_by_continuity(write_hdf5: Write) -> None:
    """As in the first AntMaze files: next observations, and nothing that marks a time-out."""
    chain = layout(steps=13)["observations"]
    following = chain[1:].copy()
    following[4] += 1.0
    arrays = {"observations": chain[:12], "next_observations": following}
    marked = layout()["timeouts"]
    for timeouts in (None, np.zeros(12, bool)):
        assert np.flatnonzero(read_d4rl(write_hdf5(**arrays, timeouts=timeouts)).ends).tolist() == [4]
    path = write_hdf5(**arrays)
    np.testing.assert_array_equal(read_d4rl(path).ends, marked)  # marks are believed
    assert np.flatnonzero(read_d4rl(path, "continuity").ends).tolist() == [4, 7]


def test_continuity_needs_next_observations(write_hdf5: Write) -> None:
    with pytest.raises(DataError, match="next_observations: missing; `episode_split: continuity` needs it"):
        read_d4rl(write_hdf5(), "continuity")


def test_damage_is_always_named(write_hdf5: Write) -> None:
    """Whatever bytes of the structure change, the file reads as a recording or is refused as data."""
    path = write_hdf5()
    whole, generator = path.read_bytes(), np.random.default_rng(0)
    reasons: list[str] = []
    for _ in range(300):
        damaged = bytearray(whole)
        for place in generator.integers(len(whole), size=4):
            damaged[place] = generator.integers(256)
        path.write_bytes(damaged)
        try:
            check_recording(read_d4rl(path), None)
        except DataError as error:
            reasons.append(str(error))
    assert 0 < len(reasons) < 300
    assert all(str(path) in reason for reason in reasons)
