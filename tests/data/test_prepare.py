import sys
import types
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import minari
import numpy as np
import pytest
import yaml
from gymnasium import spaces
from minari.data_collector import EpisodeBuffer

from qdot import params as parameters
from qdot.data.batch import load_prepared
from qdot.data.minari import datasets_root
from qdot.data.prepare import prepare
from qdot.errors import DataError
from qdot.params_check import check
from qdot.provenance import sha256_file

from .conftest import layout

TOP = Path(__file__).parents[2]
PARAMS = {"base_url": "http://127.0.0.1:9/", "mirrors": [], "local_mirror": None, "timeout_seconds": 1}
KITCHEN = {"source": "d4rl", "clip_actions": True, "reference_scores": [0, 4]}
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:minari")  # it asks for an author


def run(folder: Path, dataset: str, values: dict[str, Any], **params: Any) -> dict[str, Any]:
    root = params.pop("root", TOP)
    return prepare(dataset, values, PARAMS | params, folder / "prepared", folder / "raw", "d" * 64, root)


@pytest.fixture
def mirror(kitchen_file: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.delenv("QDOT_D4RL_MIRROR", raising=False)
    return str(kitchen_file.parent)


def test_real_kitchen_file_gives_the_known_counts(tmp_path: Path, mirror: str, kitchen_file: Path) -> None:
    manifest = run(tmp_path, "kitchen-complete-v0", KITCHEN, local_mirror=mirror)
    assert (manifest["transitions"], manifest["episodes"], manifest["terminals"]) == (3680, 19, 19)
    assert (manifest["observation_dim"], manifest["action_dim"]) == (60, 9)
    assert (manifest["checksum"], manifest["fetched_from"]) == ("verified", "local mirror")
    assert manifest["raw_sha256"] == sha256_file(kitchen_file)
    assert manifest["url_or_recipe"].endswith("kitchen/mini_kitchen_microwave_kettle_light_slider-v0.hdf5")
    arrays = load_prepared(tmp_path / "prepared").arrays
    assert Counter(arrays["rewards"].tolist()) == {0: 823, 1: 721, 2: 1201, 3: 680, 4: 255}
    with h5py.File(kitchen_file) as file:
        observations, ends = file["observations"][()], np.flatnonzero(file["terminals"][()])
        np.testing.assert_array_equal(arrays["observations"], observations)
        np.testing.assert_array_equal(arrays["actions"], file["actions"][()])  # all lie within the clip
    assert np.flatnonzero(arrays["terminals"]).tolist() == ends.tolist()
    assert arrays["episode_starts"].tolist() == [0, *(ends[:-1] + 1)]
    np.testing.assert_array_equal(arrays["next_observations"][ends], observations[ends])
    inside = np.setdiff1d(np.arange(3680), ends)
    np.testing.assert_array_equal(arrays["next_observations"][inside], observations[inside + 1])


def test_two_runs_write_the_same_bytes(tmp_path: Path, mirror: str) -> None:
    first = run(tmp_path / "a", "kitchen-complete-v0", KITCHEN, local_mirror=mirror)
    second = run(tmp_path / "b", "kitchen-complete-v0", KITCHEN, local_mirror=mirror)
    assert first["files"] == second["files"]
    contents = [(tmp_path / name / "prepared" / "arrays.safetensors").read_bytes() for name in "ab"]
    assert contents[0] == contents[1]
    assert sha256_file(tmp_path / "a" / "prepared" / "arrays.safetensors") == first["files"]["arrays.safetensors"]


def test_wrong_file_of_a_known_dataset_prepares_nothing(
    tmp_path: Path, write_hdf5: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_hdf5("mirror/mini_kitchen_microwave_kettle_light_slider-v0.hdf5")
    monkeypatch.setenv("QDOT_D4RL_MIRROR", str(tmp_path / "mirror"))
    with pytest.raises(DataError, match=r"wrong size: .*bytes, expected 556,544"):
        run(tmp_path, "kitchen-complete-v0", KITCHEN)
    assert not (tmp_path / "prepared").exists()
    assert not list(tmp_path.glob("raw/*"))


def test_file_without_a_published_checksum_is_unverified(
    tmp_path: Path, write_hdf5: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "Ant_maze_u-maze_noisy_multistart_False_multigoal_False_sparse.hdf5"
    wide = {"observations": np.zeros((12, 29), np.float32), "actions": np.zeros((12, 8), np.float32)}
    path = write_hdf5(f"mirror/{name}", **wide)
    monkeypatch.setenv("QDOT_D4RL_MIRROR", str(tmp_path / "mirror"))
    manifest = run(tmp_path, "antmaze-umaze-v0", {"source": "d4rl"})
    assert manifest["checksum"] == "unverified"
    assert manifest["raw_sha256"] == sha256_file(path)
    write_hdf5(f"mirror/{name}", **wide | {"actions": np.zeros((12, 7), np.float32)})
    (tmp_path / "raw" / name).unlink()
    with pytest.raises(DataError, match="actions: width 7; expected 8"):
        run(tmp_path, "antmaze-umaze-v0", {"source": "d4rl"})


def test_own_file_is_rescaled_and_described(tmp_path: Path, write_hdf5: Callable[..., Path]) -> None:
    write_hdf5("mine.hdf5", actions=np.linspace(-3, 3, 24, dtype=np.float32).reshape(12, 2))
    values = {"source": "file", "path": "mine.hdf5", "action_bounds": [-3, 3], "licence": "CC0"}
    manifest = run(tmp_path, "mine", values, root=tmp_path)
    arrays = load_prepared(tmp_path / "prepared").arrays
    kept = [row for row in range(12) if row not in (7, 11)]  # the time-out and the end of the file
    np.testing.assert_allclose(arrays["actions"], np.linspace(-1, 1, 24).reshape(12, 2)[kept], atol=1e-6)
    assert (manifest["action_low"], manifest["action_high"]) == ([-3, -3], [3, 3])
    assert (manifest["transitions"], manifest["episodes"], manifest["checksum"]) == (10, 3, "recorded")
    rewards = layout()["rewards"].astype(np.float64)
    returns = [rewards[0:4].sum(), rewards[4:7].sum(), rewards[8:11].sum()]
    wanted = {"return_mean": np.mean(returns), "return_min": min(returns), "return_max": max(returns)}
    assert {key: manifest[key] for key in wanted} == pytest.approx(wanted)
    assert manifest["licence"] == "CC0"
    assert manifest["environment"] is None


def test_actions_outside_their_bounds_need_the_clip(tmp_path: Path, write_hdf5: Callable[..., Path]) -> None:
    actions = layout()["actions"]
    actions[6, 1] = 1.5
    write_hdf5("mine.hdf5", actions=actions)
    values = {"source": "file", "path": "mine.hdf5"}
    with pytest.raises(DataError, match=r"mine\.hdf5: actions: row 6: value 1\.5 in column 1"):
        run(tmp_path, "mine", values, root=tmp_path)
    assert not (tmp_path / "prepared").exists()
    assert run(tmp_path, "mine", values | {"clip_actions": True}, root=tmp_path)["clipped_actions"] == 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"source": "file"}, "mine: path: missing; `source: file` needs it"),
        ({"source": "file", "path": "absent"}, "absent: no such file or folder"),
        ({"source": "ftp"}, "source: found 'ftp'; expected one of d4rl, minari, collect, file"),
        ({"source": "minari"}, "needs a name of the form minari:NAMESPACE/NAME-vN"),
        ({"source": "collect", "recipe": "pendulum"}, "recipe_seed: missing"),
    ],
)
def test_incomplete_blocks_are_named(tmp_path: Path, values: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        run(tmp_path, "mine", values, root=tmp_path)


def make_minari(root: Path, identity: str, space: spaces.Box) -> Path:
    buffer = EpisodeBuffer(
        id=0,
        observations=[np.full(2, float(step)) for step in range(4)],
        actions=[np.array([2.0 * step - 2.0], np.float32) for step in range(3)],
        rewards=[1.0, 2.0, 3.0],
        terminations=[False] * 3,
        truncations=[False, False, True],
    )
    vector = spaces.Box(-np.inf, np.inf, (2,), np.float64)
    with datasets_root(root):
        minari.create_dataset_from_buffers(identity, [buffer], observation_space=vector, action_space=space)
    return root / identity


def test_minari_folder_keeps_its_time_out_and_bounds(tmp_path: Path) -> None:
    make_minari(tmp_path, "toy/steps-v0", spaces.Box(-2.0, 2.0, (1,)))
    manifest = run(tmp_path, "mine", {"source": "file", "path": "toy/steps-v0"}, root=tmp_path)
    arrays = load_prepared(tmp_path / "prepared").arrays
    assert arrays["actions"].tolist() == [[-1], [0], [1]]
    assert arrays["next_observations"][:, 0].tolist() == [1, 2, 3]
    assert arrays["terminals"].tolist() == [0, 0, 0]
    assert (manifest["action_low"], manifest["action_high"]) == ([-2], [2])
    assert (manifest["return_max"], manifest["checksum"]) == (6, "recorded")


def test_unbounded_action_space_needs_bounds(tmp_path: Path) -> None:
    make_minari(tmp_path, "toy/steps-v0", spaces.Box(-np.inf, np.inf, (1,)))
    values = {"source": "file", "path": "toy/steps-v0"}
    with pytest.raises(DataError, match="expected finite ones, or `action_bounds`"):
        run(tmp_path, "mine", values, root=tmp_path)
    assert run(tmp_path, "mine", values | {"action_bounds": [-4, 4]}, root=tmp_path)["action_high"] == [4]


def test_minari_dataset_by_id_is_unverified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINARI_DATASETS_PATH", raising=False)
    make_minari(tmp_path / "raw" / "minari", "toy/steps-v0", spaces.Box(-2.0, 2.0, (1,)))
    manifest = run(tmp_path, "minari:toy/steps-v0", {"source": "minari"})
    assert (manifest["checksum"], manifest["url_or_recipe"]) == ("unverified", "minari:toy/steps-v0")
    assert manifest["versions"]["minari"]


@pytest.mark.parametrize(
    ("shift", "recorded"),
    [(None, "recipe toy, seed 3, 100 steps"), ("mixture", "recipe toy, shift mixture, seed 3, 100 steps")],
)
def test_collected_dataset_is_read_like_any_other(
    shift: str | None, recorded: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def collect(recipe: str, seed: int, steps: int, directory: Path, found: str | None) -> Path:
        assert (recipe, seed, steps, found) == ("toy", 3, 100, shift)
        return make_minari(directory, "qdot/toy-v0", spaces.Box(-2.0, 2.0, (1,)))

    monkeypatch.setitem(sys.modules, "qdot.data.collect", types.SimpleNamespace(collect=collect))  # type: ignore[arg-type]
    values = {"source": "collect", "recipe": "toy", "recipe_seed": 3, "recipe_steps": 100}
    manifest = run(tmp_path, "toy", values | ({"recipe_shift": shift} if shift else {}))
    assert manifest["url_or_recipe"] == recorded
    assert (manifest["transitions"], manifest["checksum"]) == (3, "recorded")


def test_unwritable_folder_is_named(tmp_path: Path, write_hdf5: Callable[..., Path]) -> None:
    write_hdf5("mine.hdf5")
    (tmp_path / "prepared").write_text("a file where the folder should be")
    with pytest.raises(DataError, match=r"prepared/arrays\.safetensors: cannot be written"):
        run(tmp_path, "mine", {"source": "file", "path": "mine.hdf5"}, root=tmp_path)


def test_block_of_the_documentation_works(tmp_path: Path, write_hdf5: Callable[..., Path]) -> None:
    text = (TOP / "docs" / "datasets.md").read_text()
    block = yaml.safe_load(text.partition("```yaml\n")[2].partition("```")[0])
    params = parameters.load(TOP)
    merged = {key: value | block.get(key, {}) if isinstance(value, dict) else value for key, value in params.items()}
    check(merged, TOP)
    values = parameters.resolve(merged, "robot", "my-robot-v0", "qdot").values["data"]
    write_hdf5("data/own/my_robot.hdf5")
    manifest = run(tmp_path, "my-robot-v0", values, root=tmp_path)
    assert manifest["action_low"] == [-2, -2]
    assert manifest["environment"] == "my_package:MyRobot-v0"
