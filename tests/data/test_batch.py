import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from qdot.data.batch import ARRAYS, Prepared, load_prepared, training_dataset
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


WRONG = {
    "observations: found float64": {"observations": np.zeros((4, 2))},
    "actions: found int64": {"actions": np.zeros((4, 1), np.int64)},
    "observations: found float32 (4,)": {"observations": np.zeros(4, np.float32)},
    "actions: found float32 (3, 1)": {"actions": np.zeros((3, 1), np.float32)},
    "observations: found float32 (4, 0)": {"observations": np.zeros((4, 0), np.float32)},
    "next_observations: found (4, 3), expected (4, 2)": {"next_observations": np.zeros((4, 3), np.float32)},
    "expected float32 (1, width)": {"rewards": np.array(0, np.float32)},
    "episode_starts: expected int64": {"episode_starts": np.array([0.0, 2.0])},
    "episode_starts: expected int64 numbers": {"episode_starts": np.array([0, 4])},
    "each larger than the last": {"episode_starts": np.array([0, 2, 2])},
    "numbers of rows from 0 on": {"episode_starts": np.array([1, 2])},
    "below 4": {"episode_starts": np.zeros(0, np.int64)},
    "rewards: holds numbers that are not finite": {"rewards": np.array([0, np.nan, 0, 0], np.float32)},
}


@pytest.mark.parametrize("message", WRONG)
def test_arrays_of_other_kinds_and_shapes_are_named(tmp_path: Path, message: str) -> None:
    path = write(tmp_path) / "arrays.safetensors"
    save_file(load_file(path) | WRONG[message], path)
    with pytest.raises(DataError, match=rf"arrays\.safetensors: .*{re.escape(message)}"):
        load_prepared(tmp_path)


def test_a_header_that_claims_more_than_the_file_holds_is_refused(tmp_path: Path) -> None:
    """Its length, an array's place, an array's shape, and a kind that numpy has none for."""
    path = write(tmp_path) / "arrays.safetensors"
    whole = path.read_bytes()
    size = int.from_bytes(whole[:8], "little")
    text, rest = whole[8 : 8 + size], whole[8 + size :]
    forged = [
        (2**60).to_bytes(8, "little") + whole[8:],
        *(
            len(made).to_bytes(8, "little") + made + rest
            for made in (
                text.replace(b'"shape":[4,2]', b'"shape":[1152921504606846976,2]'),
                text.replace(b'"data_offsets":[', b'"data_offsets":[18446744073709551615,'),
                text.replace(b'"F32"', b'"F8_E4M3"', 1),
                text.replace(b'"F32"', b'"F99"'),
                b'{"a":' * 3000,
            )
        ),
    ]
    for content in forged:
        assert content != whole
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"arrays\.safetensors: "):
            load_prepared(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"action_low": [-1.0, -1.0]}, "expected 1 numbers each"),
        ({"action_low": [2.0]}, "the lower first"),
        ({"action_high": ["1"]}, "expected 1 numbers each"),
        ({"action_high": [1e300]}, "expected 1 numbers each"),
        ({"action_high": None}, "expected 1 numbers each"),
        ({"return_min": None}, "return_min, return_max: expected numbers"),
        ({"return_max": "3"}, "return_min, return_max: expected numbers"),
        ({"status": "fine"}, "no object with a status"),
        ({"files": {"../x": "0"}}, "lies outside its folder"),
    ],
)
def test_a_manifest_that_the_arrays_contradict_is_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_prepared(write(tmp_path, **changes))


@pytest.mark.parametrize("text", ["", "[]", "[" * 5000, '{"status": "ok", "status": "ok"}', '{"return_max": NaN}'])
def test_a_damaged_manifest_is_named(tmp_path: Path, text: str) -> None:
    (write(tmp_path) / "manifest.json").write_text(text)
    with pytest.raises(DataError, match=r"manifest\.json: "):
        load_prepared(tmp_path)


def test_normalised_observations_have_mean_0_and_deviation_1_and_keep_their_transform() -> None:
    draw = np.random.default_rng(0)
    observations = (draw.standard_normal((500, 3)) * [1.0, 10.0, 0.0] + [0.0, 5.0, 2.0]).astype(np.float32)
    arrays = {
        "observations": observations,
        "actions": np.zeros((500, 1), np.float32),
        "rewards": np.zeros(500, np.float32),
        "next_observations": observations + np.float32(1),
        "terminals": np.zeros(500, np.float32),
        "episode_starts": np.arange(0, 500, 10),
    }
    manifest = {"return_max": 1.0, "return_min": 0.0, "action_low": [-1.0], "action_high": [1.0]}
    plain = training_dataset(Prepared(arrays, manifest), "as_is")
    made = training_dataset(Prepared(arrays, manifest), "as_is", normalise_observations=True)
    assert plain.observations is observations
    np.testing.assert_allclose(made.observations[:, :2].mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(made.observations[:, :2].std(axis=0), 1, atol=2e-3)
    np.testing.assert_allclose(
        made.observations * made.observation_scale + made.observation_mean, observations, rtol=1e-5, atol=1e-5
    )
    np.testing.assert_allclose(
        made.next_observations - made.observations, (1 / made.observation_scale)[None].repeat(500, 0), rtol=1e-4
    )


def test_a_twentieth_of_the_episodes_is_held_out_whole() -> None:
    arrays = {
        "observations": np.zeros((90, 1), np.float32),
        "actions": np.zeros((90, 1), np.float32),
        "rewards": np.zeros(90, np.float32),
        "next_observations": np.zeros((90, 1), np.float32),
        "terminals": np.zeros(90, np.float32),
        "episode_starts": np.arange(0, 90, 3),  # 30 episodes of 3 rows
    }
    manifest = {"return_max": 1.0, "return_min": 0.0, "action_low": [-1.0], "action_high": [1.0]}
    held = training_dataset(Prepared(arrays, manifest), "as_is").held_out
    rows = np.flatnonzero(held)
    assert len(rows) == 6  # two of thirty episodes
    assert set(rows // 3) == {rows[0] // 3, rows[3] // 3}
    again = training_dataset(Prepared(arrays, manifest), "as_is").held_out
    np.testing.assert_array_equal(held, again)
