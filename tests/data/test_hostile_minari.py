"""Minari folders that lie: links, sizes and spaces are checked before anything is read or built from them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from minari_sets import LENGTHS

from qdot.data.minari import read_minari
from qdot.errors import DataError

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:minari")  # it asks for an author


def change(folder: Path, member: str, value: Any) -> Path:
    """Put something in the place of a member of the main file; gives the dataset's folder."""
    with h5py.File(folder / "data" / "main_data.hdf5", "a") as file:
        del file[member]
        file[member] = value
    return folder


@pytest.mark.parametrize(
    ("member", "value", "message"),
    [
        ("episode_1", h5py.ExternalLink("../../x.hdf5", "/episode_1"), "episode_1: is a link to elsewhere"),
        ("episode_1", h5py.SoftLink("/episode_0"), "episode_1: is a link to elsewhere"),
        ("episode_1/rewards", h5py.SoftLink("/episode_0/rewards"), "episode_1/rewards: is a link to elsewhere"),
        ("episode_1", np.zeros(3), "episode_1: is no group"),
        ("episode_1/actions", np.array([[b"a", b"b"]]), "episode_1/actions: dtype"),
        ("episode_1/rewards", np.zeros(1, complex), "episode_1/rewards: dtype"),
        ("episode_1/rewards", np.float64(0), "episode_1/rewards: is a single value"),
        ("episode_1/rewards", np.zeros((1, 1)), r"rewards: episode 1: shape \(1, 1\); expected \(1,\)"),
        ("episode_1/actions", np.zeros((1, 3)), r"actions: episode 1: shape \(1, 3\).*widths as before"),
        ("episode_1/observations", np.zeros(2), r"observations: episode 1: shapes \(2,\)"),
    ],
)
def test_a_member_of_another_kind_is_named(create: Callable[..., Path], member: str, value: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_minari(change(create(), member, value))


def test_what_steps_record_beside_is_neither_read_nor_followed(create: Callable[..., Path]) -> None:
    folder = create()
    with h5py.File(folder / "data" / "main_data.hdf5", "a") as file:
        file["episode_1/infos/x"] = h5py.ExternalLink("/nonexistent.hdf5", "/x")
        file["episode_1/infos/loop"] = file["/"]
    assert len(read_minari(folder).recording) == sum(LENGTHS)


def test_one_array_under_many_names_is_bounded(create: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Hard links: a small file that stands for a large one."""
    folder = create()
    metadata = folder / "data" / "metadata.json"
    with h5py.File(folder / "data" / "main_data.hdf5", "a") as file:
        for number in range(3, 100):
            file[f"episode_{number}"] = file["episode_0"]
    metadata.write_text(metadata.read_text().replace('"total_episodes": 3', '"total_episodes": 100'))
    assert len(read_minari(folder).recording) == sum(LENGTHS) + 97 * LENGTHS[0]
    monkeypatch.setattr("qdot.data.hdf5.MAX_BYTES", 5000)
    with pytest.raises(DataError, match="in all; at most 5,000 are read"):
        read_minari(folder)


BOX = {"type": "Box", "dtype": "float32", "shape": [3], "low": [-1.0] * 3, "high": [1.0] * 3}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shape": [1 << 40]}, "at most 65,536 numbers"),
        ({"shape": [256] * 8}, "at most 65,536 numbers"),
        ({"shape": [-1]}, "at most 65,536 numbers"),
        ({"shape": [4]}, "is no space"),
        ({"dtype": "S1000000000"}, "expected a kind of number"),
        ({"dtype": "O"}, "expected a kind of number"),
        ({"low": None}, "is no space"),
        ({"type": "Unknown"}, "is no space"),
        ({"type": ["Box"]}, "is no space"),
        ({"type": "MultiBinary", "n": 1 << 40}, "at most 65,536"),
        ({"type": "Tuple", "subspaces": [BOX]}, "observation_space is Tuple"),
    ],
)
def test_a_space_that_is_none_is_refused(create: Callable[..., Path], changes: dict[str, Any], message: str) -> None:
    folder = create()
    path = folder / "data" / "metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"observation_space": json.dumps(BOX | changes)}))
    with pytest.raises(DataError, match=message):
        read_minari(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"total_episodes": 1 << 60}, "holds 3 members; expected 1,152,921,504,606,846,976 episodes"),
        ({"total_episodes": -1}, "total_episodes: found -1"),
        ({"total_episodes": "3"}, "total_episodes: found '3'"),
        ({"total_episodes": 0}, "holds no episode"),
        ({"data_format": "arrow"}, "data_format: found 'arrow', expected hdf5"),
        ({"minari_version": "99"}, "minari_version: found '99'"),
        ({"observation_space": "[" * 5000}, "is no space"),
        ({"observation_space": ["Box"]}, "observation_space: missing"),
    ],
)
def test_metadata_that_the_file_contradicts_is_refused(
    create: Callable[..., Path], changes: dict[str, Any], message: str
) -> None:
    folder = create()
    path = folder / "data" / "metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(DataError, match=message):
        read_minari(folder)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 5000, '{"a": 1, "a": 2}', "\ufeff{}", "null"])
def test_damaged_metadata_is_named(create: Callable[..., Path], text: str) -> None:
    folder = create()
    (folder / "data" / "metadata.json").write_text(text)
    with pytest.raises(DataError, match=r"metadata\.json: cannot be read"):
        read_minari(folder)


def test_an_environment_that_a_file_names_is_not_made(create: Callable[..., Path], tmp_path: Path) -> None:
    folder = create()
    path = folder / "data" / "metadata.json"
    command = f"touch {tmp_path / 'touched'}"
    spec = {"id": "x", "entry_point": "os:system", "kwargs": {"command": command}}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"env_spec": json.dumps(spec)}))
    read_minari(folder)
    assert not (tmp_path / "touched").exists()


def test_impossible_sizes_are_refused_before_reading(create: Callable[..., Path]) -> None:
    path = create() / "data" / "main_data.hdf5"
    with h5py.File(path, "a") as file:
        del file["episode_1/rewards"]
        file.create_dataset("episode_1/rewards", shape=(1 << 60,), dtype="f8", chunks=(1024,))
    with pytest.raises(DataError, match=r"episode_1/rewards: header claims shape \(1152921504606846976,\)"):
        read_minari(path.parents[1])
