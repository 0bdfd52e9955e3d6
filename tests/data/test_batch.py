from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from qdot.data.batch import ARRAYS, load_prepared, training_dataset
from qdot.errors import DataError, ParamsError
from qdot.provenance import write_json


def write(folder: Path, **changes: Any) -> Path:
    """Two episodes of two steps, returns 3 and -1."""
    arrays = {
        "observations": np.arange(8, dtype=np.float32).reshape(4, 2),
        "actions": np.zeros((4, 1), np.float32),
        "rewards": np.array([1, 2, -1, 0], np.float32),
        "next_observations": np.arange(8, dtype=np.float32).reshape(4, 2) + 2,
        "terminals": np.array([0, 1, 0, 0], np.float32),
        "episode_starts": np.array([0, 2]),
    }
    folder.mkdir(exist_ok=True)
    save_file(arrays, folder / "arrays.safetensors")
    manifest = {"status": "ok", "return_max": 3.0, "return_min": -1.0, "action_low": [-2.0], "action_high": [2.0]}
    write_json(folder / "manifest.json", manifest | changes)
    return folder


@pytest.mark.parametrize(
    ("reward", "wanted"),
    [("as_is", [1, 2, -1, 0]), ("subtract_one", [0, 1, -2, -1]), ("normalise_returns", [250, 500, -250, 0])],
)
def test_rewards_are_transformed(tmp_path: Path, reward: Any, wanted: list[float]) -> None:
    dataset = training_dataset(load_prepared(write(tmp_path)), reward)
    assert dataset.rewards.tolist() == wanted
    assert dataset.rewards.dtype == np.float32
    assert (dataset.size, dataset.observation_dim, dataset.action_dim) == (4, 2, 1)
    assert dataset.action_high.tolist() == [2.0]


def test_equal_returns_cannot_be_normalised(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="every episode returns 3"):
        training_dataset(load_prepared(write(tmp_path, return_min=3.0)), "normalise_returns")


def test_unknown_reward_is_named(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="unknown value 'squared'; expected one of as_is"):
        training_dataset(load_prepared(write(tmp_path)), "squared")  # type: ignore[arg-type]


def test_missing_or_failed_preparation_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent/manifest\.json: no such file"):
        load_prepared(tmp_path / "absent")
    with pytest.raises(DataError, match=r"dataset not prepared: .*host down"):
        load_prepared(write(tmp_path, status="failed", reason="host down"))


def test_damaged_arrays_are_named(tmp_path: Path) -> None:
    path = write(tmp_path) / "arrays.safetensors"
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(DataError, match=r"arrays\.safetensors: cannot be read"):
        load_prepared(tmp_path)
    save_file({name: np.zeros(1, np.float32) for name in ARRAYS if name != "rewards"}, path)
    with pytest.raises(DataError, match="lacks rewards"):
        load_prepared(tmp_path)
