"""Every dataset of the table loads from a file of its true layout, and no transition crosses an episode's end."""

import shutil
from pathlib import Path
from typing import Any

import h5py
import http_faults as faults
import numpy as np
import pytest
from d4rl_files import EPISODE, contents, last_rows, write_file, write_mirror

from qdot.data import download
from qdot.data.batch import Prepared, load_prepared
from qdot.data.d4rl import TABLE, find_file, read_table
from qdot.data.hdf5 import read_d4rl
from qdot.data.prepare import prepare

TOP = Path(__file__).parents[2]
NAMES = tuple(read_table(TOP / TABLE))
ROWS = 110
PARAMS = {"base_url": "http://127.0.0.1:9/", "mirrors": [], "timeout_seconds": 1}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose table lists small files of the true layouts, and the folder that holds them."""
    top = tmp_path_factory.mktemp("project")
    (top / TABLE).parent.mkdir(parents=True)
    shutil.copy(TOP / TABLE, top / TABLE)
    write_mirror(top / "mirror", top / TABLE, ROWS, seed=3)
    return top


def prepared(root: Path, folder: Path, name: str, **values: Any) -> Prepared:
    values = {"source": "d4rl", "clip_actions": True} | values
    params = PARAMS | {"local_mirror": str(root / "mirror")}
    prepare(name, values, params, folder / "prepared", folder / "raw", "d" * 64, root)
    return load_prepared(folder / "prepared")


@pytest.fixture(autouse=True)
def _no_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QDOT_D4RL_MIRROR", raising=False)


@pytest.mark.parametrize("name", NAMES)
def test_every_file_loads_with_its_own_episodes(name: str, root: Path, tmp_path: Path) -> None:
    """Next observations are recorded, or those of the next row; then a last row without a terminal is left out."""
    made, wanted, ends = prepared(root, tmp_path, name), contents(name, ROWS, 3), last_rows(name, ROWS)
    last = np.isin(np.arange(ROWS), ends)
    recorded = "next_observations" in wanted
    kept = np.flatnonzero(~last | wanted["terminals"] | recorded)
    following = wanted["next_observations"] if recorded else np.roll(wanted["observations"], -1, axis=0)
    inside = ~last[kept]
    arrays, manifest = made.arrays, made.manifest
    np.testing.assert_array_equal(arrays["observations"], wanted["observations"][kept].astype(np.float32))
    np.testing.assert_array_equal(arrays["next_observations"][inside], following[kept][inside].astype(np.float32))
    np.testing.assert_array_equal(arrays["rewards"], wanted["rewards"][kept].astype(np.float32))
    np.testing.assert_array_equal(arrays["terminals"], wanted["terminals"][kept])
    np.testing.assert_array_equal(
        arrays["actions"], np.clip(wanted["actions"][kept].astype(np.float32), -(1 - 1e-5), 1 - 1e-5)
    )
    firsts = np.concatenate([[0], ends[:-1] + 1])
    np.testing.assert_array_equal(kept[arrays["episode_starts"]], firsts)
    assert manifest["episodes"] == len(ends)
    assert (manifest["observation_dim"], manifest["action_dim"]) == find_file(name, TOP).widths
    assert manifest["checksum"] == "verified"


def test_the_table_holds_what_the_study_names() -> None:
    assert len(NAMES) == 36
    assert {name.partition("-")[0] for name in NAMES} == {
        "hopper",
        "halfcheetah",
        "walker2d",
        "pen",
        "antmaze",
        "kitchen",
    }


@pytest.mark.parametrize(
    "name", ["hopper-medium-expert-v2", "halfcheetah-medium-expert-v2", "walker2d-medium-expert-v2"]
)
def test_the_seam_of_concatenated_data_ends_an_episode(name: str, root: Path, tmp_path: Path) -> None:
    """No flag marks it: the first half's last episode is unclosed, and its return is not added to the next one's."""
    wanted = contents(name, ROWS, 3)
    seam = ROWS // 2 - 1
    assert seam % EPISODE != EPISODE - 1
    assert not wanted["terminals"][seam]
    assert not wanted["timeouts"][seam]
    made = prepared(root, tmp_path, name)
    assert seam + 1 in made.arrays["episode_starts"]
    np.testing.assert_array_equal(
        made.arrays["next_observations"][seam], wanted["next_observations"][seam].astype(np.float32)
    )
    assert made.manifest["recorded"]["unmarked_ends"] == 1
    flags = prepared(root, tmp_path / "flags", name, episode_split="flags")
    assert flags.manifest["episodes"] == made.manifest["episodes"] - 1


@pytest.mark.parametrize("name", ["hopper-medium-replay-v2", "halfcheetah-medium-replay-v2"])
def test_a_reset_that_a_replay_buffer_does_not_mark_ends_an_episode(name: str, root: Path, tmp_path: Path) -> None:
    made = prepared(root, tmp_path, name)
    assert 3 * EPISODE in made.arrays["episode_starts"]
    assert made.manifest["recorded"]["unmarked_ends"] == 1
    assert h5py.File(root / "mirror" / find_file(name, root).path)["observations"].dtype == np.float64


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("antmaze") and name.endswith("-v0")])
@pytest.mark.parametrize("kind", ["absent", "none marked", "marked too late"])
def test_antmaze_without_usable_time_outs_splits_where_the_next_row_does_not_continue(
    name: str, kind: str, tmp_path: Path
) -> None:
    """With recorded next observations by these, without by where the ant is."""
    wanted, ends = contents(name, ROWS, 5), last_rows(name, ROWS)
    following = np.roll(wanted["observations"], -1, axis=0)
    following[ends] = wanted["observations"][ends] + 0.01
    for recorded in (False, True):
        path = write_file(name, tmp_path / f"{recorded}.hdf5", ROWS, 5)
        with h5py.File(path, "a") as file:
            del file["timeouts"]
            if kind != "absent":
                late = np.setdiff1d(ends[:-1], np.flatnonzero(wanted["terminals"])) + 1
                file["timeouts"] = np.isin(np.arange(ROWS), late if kind == "marked too late" else [])
            if recorded:
                file["next_observations"] = following
        found = read_d4rl(path, "recorded", find_file(name, TOP).stride)
        cuts = np.flatnonzero(found.ends | found.terminals)
        assert set(ends[:-1]) <= set(cuts)
        if kind != "marked too late":
            assert set(cuts) <= set(ends)


def test_antmaze_transitions_are_the_lineages(root: Path, tmp_path: Path) -> None:
    """D4RL's loader leaves a time-out's row out and takes the next row as next; IQL cuts where these part."""
    name = "antmaze-large-play-v2"
    wanted = contents(name, ROWS, 3)
    now, following, done = [], [], []
    for row in range(ROWS - 1):
        if not wanted["timeouts"][row]:
            now.append(wanted["observations"][row])
            following.append(wanted["observations"][row + 1])
            done.append(wanted["terminals"][row])
    for index in range(len(now) - 1):
        done[index] |= np.linalg.norm(now[index + 1] - following[index]) > 1e-6
    made = prepared(root, tmp_path, name).arrays
    count = len(now)
    np.testing.assert_array_equal(made["observations"][:count], now)
    goes_on = made["terminals"][:count] == 0
    np.testing.assert_array_equal(made["next_observations"][:count][goes_on], np.array(following)[goes_on])
    lineage = np.concatenate([[0], np.flatnonzero(done) + 1])
    np.testing.assert_array_equal(made["episode_starts"], lineage[lineage < len(made["observations"])])


def test_an_ant_that_walks_is_not_cut() -> None:
    """The fastest step that D4RL's ant could make in .1 s stays below the bound, a reset across one cell above it."""
    stride = find_file("antmaze-umaze-v0", TOP).stride
    assert stride is not None
    assert 0.1 * 8.0 < stride < 4.0  # m/s; the cells of the maze are 4 m wide


@pytest.mark.parametrize("precision", [np.float32, np.float64])
@pytest.mark.parametrize("recorded", [True, False])
def test_either_precision_with_or_without_next_observations(precision: type, recorded: bool, tmp_path: Path) -> None:
    wanted = contents("walker2d-medium-v2", ROWS, 7)
    with h5py.File(tmp_path / "own.hdf5", "w") as file:
        for key, array in wanted.items():
            if recorded or key != "next_observations":
                is_float = np.ndim(array) and array.dtype.kind == "f"
                file[key] = array.astype(precision) if is_float else array
    values = {"source": "file", "path": "own.hdf5", "clip_actions": True}
    manifest = prepare("own", values, {}, tmp_path / "prepared", tmp_path, "d" * 64, tmp_path)
    ends = last_rows("walker2d-medium-v2", ROWS)
    falls = int(np.isin(ends, np.flatnonzero(wanted["terminals"])).sum())
    assert manifest["transitions"] == (ROWS if recorded else ROWS - len(ends) + falls)
    assert manifest["episodes"] == len(ends)
    assert manifest["terminals"] == falls


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("hopper-medium-replay-v2", [faults.short(9000), faults.drop(4000)]),
        ("antmaze-umaze-v0", [faults.status(503), faults.short(9000)]),
        ("kitchen-partial-v0", [faults.status(500), faults.drop(100)]),
        ("pen-human-v1", [faults.short(0), faults.unstated(9000)]),
    ],
)
def test_a_dataset_is_prepared_from_a_host_that_breaks_off(
    name: str, wrong: list[faults.Fault], root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "WAITS", (0.0,) * len(download.WAITS))
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    file = find_file(name, root)
    values = {"source": "d4rl", "clip_actions": True}
    with faults.Host() as host:
        host.files[f"/{file.path}"] = faults.Served((root / "mirror" / file.path).read_bytes(), wrong)
        params = PARAMS | {"base_url": host.url, "local_mirror": None, "timeout_seconds": 5}
        made = prepare(name, values, params, tmp_path / "prepared", tmp_path / "raw", "d" * 64, root)
        assert len(host.asked) == len(wrong) + 1
    assert (made["checksum"], made["fetched_from"]) == ("verified", f"{host.url}{file.path}")
    assert made["files"] == prepared(root, tmp_path / "mirror", name).manifest["files"]
    assert [path.name for path in (tmp_path / "raw").iterdir()] == [file.name]
