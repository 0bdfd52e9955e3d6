import os
from collections.abc import Callable
from pathlib import Path

import h5py
import minari
import numpy as np
import pytest
from gymnasium import spaces
from minari_sets import LENGTHS, VECTOR

from qdot.data.minari import fetch_minari, read_minari
from qdot.errors import DataError

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:minari")  # it asks for an author


def test_steps_come_back_as_written(create: Callable[..., Path]) -> None:
    steps = read_minari(create())
    recording = steps.recording
    starts = [100 * episode + offset for episode, length in enumerate(LENGTHS) for offset in range(length)]
    assert recording.rewards.tolist() == starts
    assert recording.next_observations is not None
    np.testing.assert_array_equal(recording.observations[:, 0], (np.array(starts) / 7).astype(np.float32))
    np.testing.assert_array_equal(recording.next_observations[:, 2], ((np.array(starts) + 1) / 7).astype(np.float32))
    assert np.flatnonzero(recording.terminals).tolist() == [3]
    assert np.flatnonzero(recording.ends).tolist() == [3, 4, 7]
    assert (steps.action_low.tolist(), steps.action_high.tolist()) == ([-2, 0], [2, 10])
    assert recording.where(4) == "episode 1, step 0"
    assert recording.where(6) == "episode 2, step 1"


def test_dictionary_observations_need_the_keys_to_join(create: Callable[..., Path]) -> None:
    folder = create(
        observe=lambda step: {"observation": np.full(3, step * 1.0), "goal": np.full(2, -1.0)},
        observation_space=spaces.Dict({"observation": VECTOR, "goal": spaces.Box(-1, 1, (2,), np.float64)}),
    )
    with pytest.raises(DataError, match="a dictionary of goal, observation; expected a vector"):
        read_minari(folder)
    with pytest.raises(DataError, match="observation_keys: unknown aim; expected some of: goal, observation"):
        read_minari(folder, ["observation", "aim"])
    observations = read_minari(folder, ["observation", "goal"]).recording.observations
    assert observations[:2].tolist() == [[0, 0, 0, -1, -1], [1, 1, 1, -1, -1]]


def test_discrete_actions_are_refused(create: Callable[..., Path]) -> None:
    folder = create(act=lambda step: step % 2, action_space=spaces.Discrete(2))
    with pytest.raises(DataError, match=r"action_space is Discrete\(2\).*discrete actions are not supported"):
        read_minari(folder)


def test_pixel_observations_are_refused(create: Callable[..., Path]) -> None:
    pixels = spaces.Box(0, 255, (16, 16, 3), np.uint8)
    folder = create(observe=lambda step: np.zeros((16, 16, 3), np.uint8), observation_space=pixels)
    with pytest.raises(DataError, match="pixel and discrete observations are not supported"):
        read_minari(folder)


def test_dataset_without_stored_spaces_is_refused(create: Callable[..., Path]) -> None:
    """Minari would build the environment that the file names: code of the file's choice."""
    path = create() / "data" / "metadata.json"
    path.write_text(path.read_text().replace('"action_space"', '"unused"'))
    with pytest.raises(DataError, match=r"metadata\.json: action_space: missing"):
        read_minari(path.parents[1])


def test_damaged_datasets_are_named(create: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"metadata\.json: cannot be read"):
        read_minari(tmp_path)
    path = create() / "data" / "main_data.hdf5"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"main_data\.hdf5: truncated"):
        read_minari(path.parents[1])
    path.write_bytes(whole)
    with h5py.File(path, "a") as file:
        del file["episode_1/rewards"]
    with pytest.raises(DataError, match=r"main_data\.hdf5: episode_1/rewards: missing; found 'actions'"):
        read_minari(path.parents[1])
    with h5py.File(path, "a") as file:
        file["episode_1/rewards"] = np.zeros(2)
    with pytest.raises(DataError, match=r"observations: episode 1: shape \(2, 3\); expected \(3, width\)"):
        read_minari(path.parents[1])


def test_local_dataset_needs_no_network(
    create: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = create()
    monkeypatch.delenv("MINARI_DATASETS_PATH", raising=False)
    assert fetch_minari("minari:toy/steps-v0", tmp_path)[0] == folder
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    assert fetch_minari("minari:toy/steps-v0", tmp_path / "raw")[0] == folder


def test_download_goes_through_minari(
    create: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = create()
    monkeypatch.delenv("MINARI_DATASETS_PATH", raising=False)

    def download(identity: str) -> None:
        target = Path(os.environ["MINARI_DATASETS_PATH"]) / identity
        target.parent.mkdir(parents=True)
        folder.rename(target)

    monkeypatch.setattr(minari, "download_dataset", download)
    got, source = fetch_minari("minari:toy/steps-v0", tmp_path / "raw")
    assert (got, source) == (tmp_path / "raw" / "minari" / "toy" / "steps-v0", "minari")
    assert len(read_minari(got).recording) == sum(LENGTHS)
    assert "MINARI_DATASETS_PATH" not in os.environ


def test_broken_download_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(identity: str) -> None:
        (Path(os.environ["MINARI_DATASETS_PATH"]) / identity / "data").mkdir(parents=True)
        raise ConnectionError("host down")

    monkeypatch.delenv("MINARI_DATASETS_PATH", raising=False)
    monkeypatch.setattr(minari, "download_dataset", download)
    with pytest.raises(DataError, match=r"minari:toy/steps-v0: .*ConnectionError: host down.*the dataset's folder at"):
        fetch_minari("minari:toy/steps-v0", tmp_path)
    assert list((tmp_path / "minari").iterdir()) == []


@pytest.mark.parametrize("name", ["minari:", "minari:../../etc-v0", "minari:toy/steps", "minari:/etc/x-v0"])
def test_malformed_ids_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is no Minari id; expected minari:NAMESPACE/NAME-vN"):
        fetch_minari(name, tmp_path)
