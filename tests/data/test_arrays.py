import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from qdot.data import arrays
from qdot.data.arrays import Column, write_columns
from qdot.errors import DataError


@pytest.fixture(params=[4, 1 << 16], ids=["blocks", "one block"])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(arrays, "BLOCK", request.param)
    return request.param


def columns() -> tuple[dict[str, Column], dict[str, np.ndarray]]:
    """Columns, and the arrays that they stand for."""
    generator = np.random.default_rng(0)
    wide, flags = generator.normal(size=(11, 3)).astype(np.float32), generator.random(11) < 0.5
    rows = np.array([0, 1, 3, 4, 5, 9, 10])
    starts = np.array([0, 4], np.int64)
    made = {
        "starts": Column(starts, dtype=np.int64),
        "wide": Column(wide, rows),
        "all": Column(wide),
        "flags": Column(flags, rows),
    }
    return made, {"starts": starts, "wide": wide[rows], "all": wide, "flags": flags[rows].astype(np.float32)}


def test_the_file_is_what_safetensors_writes(tmp_path: Path, block: int) -> None:
    made, wanted = columns()
    digest = write_columns(tmp_path / "ours.safetensors", made)
    save_file(wanted, tmp_path / "theirs.safetensors")
    assert (tmp_path / "ours.safetensors").read_bytes() == (tmp_path / "theirs.safetensors").read_bytes()
    assert digest == hashlib.sha256((tmp_path / "theirs.safetensors").read_bytes()).hexdigest()
    for name, array in load_file(tmp_path / "ours.safetensors").items():
        np.testing.assert_array_equal(array, wanted[name])


def test_no_block_is_larger_than_asked(block: int) -> None:
    for column in columns()[0].values():
        sizes = [len(part) for part in column.blocks()]
        assert sum(sizes) == column.shape[0]
        assert max(sizes) <= block


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Column) -> Iterator[np.ndarray]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Column, "blocks", full)
    with pytest.raises(DataError, match=r"x\.safetensors: cannot be written \(No space left"):
        write_columns(tmp_path / "x.safetensors", columns()[0])
    assert list(tmp_path.iterdir()) == []
