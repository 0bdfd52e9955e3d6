"""Recorded steps in the environment that recorded them, and in another one."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import gymnasium
import h5py
import numpy as np
import pytest

import qdot.envs  # noqa: F401 - registers ours
from qdot.cli import main
from qdot.data.steps import read_steps, spaced
from qdot.envs.one_step import replay_steps
from qdot.envs.recordings import replay
from qdot.errors import DataError

# Rows of the recorded files that can be replayed, and rows at a clipped velocity.
RECORDED = {"Hopper": (1644, 356), "Walker2d": (216, 1784), "HalfCheetah": (2000, 0)}

pytestmark = pytest.mark.filterwarnings("ignore:.*is out of date")


@pytest.fixture
def recorded(require: Callable[[str, bool, str], None]) -> Callable[[str], Path]:
    """The npz file of 2 x 1000 steps recorded in Gymnasium's `-v4`."""

    def find(name: str) -> Path:
        path = Path(os.environ.get("QDOT_D4RL_MIRROR", "."), f"expert_data_{name}-v4.npz")
        require("data", path.is_file(), f"{path.name} is not in the folder that QDOT_D4RL_MIRROR names")
        return path

    return find


@pytest.mark.data
@pytest.mark.parametrize("name", RECORDED)
def test_the_environment_that_recorded_the_steps_gives_them_again(name: str, recorded: Callable[[str], Path]) -> None:
    found = replay(f"{name}-v4", recorded(name))
    assert (found["n"], found["skipped"]) == RECORDED[name]
    assert found["median"] < 1e-6
    assert found["median"] <= found["p90"] <= found["p99"] <= found["max"] < 1e-4


@pytest.mark.data
@pytest.mark.parametrize("name", RECORDED)
def test_old_capsules_show_in_steps_recorded_with_exact_ones(name: str, recorded: Callable[[str], Path]) -> None:
    found = replay(f"qdot/{name.lower()}-v2", recorded(name))
    assert (found["n"], found["skipped"]) == RECORDED[name]
    assert found["median"] > 1e-4


@pytest.mark.data
def test_an_even_share_of_the_rows_is_replayed(recorded: Callable[[str], Path]) -> None:
    path = recorded("HalfCheetah")
    assert read_steps(path, 4).rows.tolist() == [0, 500, 1000, 1500]
    found = replay("HalfCheetah-v4", path, 100)
    assert (found["n"], found["skipped"]) == (100, 0)


def record(name: str, steps: int, seed: int) -> dict[str, np.ndarray]:
    """Steps of uniform actions, with the simulator's states, in float64; episodes end as they do."""
    environment = gymnasium.make(name)
    draw = np.random.default_rng(seed)
    rows: dict[str, list[np.ndarray]] = {}
    observation, _ = environment.reset(seed=seed)
    for _ in range(steps):
        action = draw.uniform(-1.0, 1.0, environment.action_space.shape)
        data = environment.unwrapped.data
        row = {"infos/qpos": data.qpos.copy(), "infos/qvel": data.qvel.copy()}
        following, _, terminal, _, _ = environment.step(action)
        row |= {"observations": observation, "actions": action, "next_observations": following, "terminals": terminal}
        for key, value in row.items():
            rows.setdefault(key, []).append(value)
        observation = environment.reset()[0] if terminal else following
    environment.close()
    return {key: np.array(values) for key, values in rows.items()}


def write(path: Path, arrays: dict[str, np.ndarray], leave_out: tuple[str, ...] = ()) -> Path:
    """An HDF5 file of these arrays."""
    with h5py.File(path, "w") as file:
        for key, array in arrays.items():
            if key not in leave_out:
                file[key] = array
    return path


STATES = ("infos/qpos", "infos/qvel")


@pytest.mark.parametrize("name", ["Hopper-v4", "Swimmer-v4", "Ant-v4", "qdot/hopper-v2", "qdot/antmaze-umaze-v2"])
def test_steps_recorded_at_full_precision_are_reproduced(tmp_path: Path, name: str) -> None:
    arrays = record(name, 60, seed=3)
    # A contact solver that starts from other forces stops at other last bits.
    for leave_out in ((), STATES):
        found = replay(name, write(tmp_path / "steps.hdf5", arrays, leave_out))
        assert (found["n"], found["skipped"]) == (60, 0)
        assert found["median"] < 1e-12
        assert found["max"] < 1e-6
    wrong = arrays | {"next_observations": arrays["observations"]}
    assert replay(name, write(tmp_path / "steps.hdf5", wrong))["median"] > 1e-3


def test_a_row_whose_successor_is_not_recorded_is_skipped(tmp_path: Path) -> None:
    arrays = record("Hopper-v4", 80, seed=0)
    ends = int(arrays["terminals"].sum())
    assert ends > 0
    assert not arrays["terminals"][-1]
    whole = replay("Hopper-v4", write(tmp_path / "whole.hdf5", arrays))
    path = write(tmp_path / "steps.hdf5", arrays, ("next_observations",))
    found = replay("Hopper-v4", path)
    assert (found["n"], found["skipped"]) == (80 - ends - 1, ends + 1)
    assert found["max"] <= whole["max"]


def test_a_clipped_velocity_is_skipped_only_where_no_state_is_recorded(tmp_path: Path) -> None:
    environment = gymnasium.make("Hopper-v4")
    simulator = environment.unwrapped
    environment.reset(seed=0)
    arrays: dict[str, list[np.ndarray]] = {key: [] for key in ("observations", "next_observations", *STATES)}
    for speed in (2.0, 30.0):
        velocities = np.full(6, 0.1)
        velocities[-1] = speed
        simulator.set_state(simulator.init_qpos, velocities)
        arrays["infos/qpos"].append(simulator.init_qpos)
        arrays["infos/qvel"].append(velocities)
        arrays["observations"].append(np.append(simulator.init_qpos[1:], np.clip(velocities, -10, 10)))
        arrays["next_observations"].append(simulator.step(np.zeros(3))[0])
    environment.close()
    recorded = {key: np.array(rows) for key, rows in arrays.items()} | {"actions": np.zeros((2, 3))}
    found = replay("Hopper-v4", write(tmp_path / "states.hdf5", recorded))
    assert (found["n"], found["skipped"]) == (2, 0)
    assert found["max"] < 1e-9
    found = replay("Hopper-v4", write(tmp_path / "none.hdf5", recorded, STATES))
    assert (found["n"], found["skipped"]) == (1, 1)
    only = {key: array[1:] for key, array in recorded.items()}
    with pytest.raises(DataError, match="none of 1 rows can be replayed"):
        replay("Hopper-v4", write(tmp_path / "only.hdf5", only, STATES))


def test_quantiles_are_of_the_largest_difference_of_each_row(tmp_path: Path) -> None:
    arrays = record("Hopper-v4", 11, seed=1)
    # Two dimensions of each row are moved; the further one counts: errors 0, .001, ..., .010.
    arrays["next_observations"][:, 0] += 0.0004 * np.arange(11)
    arrays["next_observations"][:, 4] -= 0.001 * np.arange(11)
    environment = gymnasium.make("Hopper-v4")
    found = replay_steps(environment, read_steps(write(tmp_path / "steps.hdf5", arrays)))
    environment.close()
    assert [found.median, found.p90, found.p99, found.max] == pytest.approx([0.005, 0.009, 0.0099, 0.01], abs=1e-7)


def test_evenly_spaced_rows() -> None:
    assert spaced(10, 4).tolist() == [0, 2, 5, 7]
    assert spaced(3, 5).tolist() == spaced(3, None).tolist() == [0, 1, 2]


@pytest.mark.data
def test_the_kitchen_is_replayed_in_whole_episodes(kitchen_file: Path) -> None:
    found = replay("qdot/kitchen-complete-v0", kitchen_file, 400)
    assert found["check"] == "episodes"
    with h5py.File(kitchen_file) as file:
        ends = np.flatnonzero(file["terminals"][:])
    lengths = np.diff(ends, prepend=-1)
    assert len(lengths) == 19
    assert found["skipped"] == 2  # 400 rows are two episodes of 194 rows on average: the first and the tenth
    assert found["n"] == lengths[0] + lengths[9] - 2
    assert found["completed"] == found["tasks"] == 8
    assert found["joint_error"] < 0.006


def test_the_command_prints_json_and_exits_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "steps.npz"
    np.savez(path, **record("Hopper-v4", 5, seed=0))
    assert main(["replay", "--environment", "Hopper-v4", "--transitions", str(path)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found)[3:] == ["n", "skipped", "median", "p90", "p99", "max"]
    assert (found["environment"], found["transitions"], found["n"]) == ("Hopper-v4", str(path), 5)


GOOD = {"observations": np.zeros((4, 11)), "actions": np.zeros((4, 3)), "next_observations": np.zeros((4, 11))}
OBJECTS = np.array([None] * 4, dtype=object)
BAD = {
    "missing": ({"actions": GOOD["actions"]}, "observations: missing; found actions"),
    "no successor": ({key: GOOD[key] for key in ("observations", "actions")}, "next_observations: missing"),
    "width": (GOOD | {"actions": np.zeros((4, 6))}, r"actions: width 6; expected \(3,\) as Hopper-v4 has"),
    "length": (GOOD | {"actions": np.zeros((3, 3))}, r"actions: shape \(3, 3\); expected \(4, width\)"),
    "other successors": (GOOD | {"next_observations": np.zeros((4, 10))}, r"shape \(4, 10\); expected \(4, 11\)"),
    "empty": ({key: array[:0] for key, array in GOOD.items()}, r"observations: shape \(0, 11\)"),
    "single values": (GOOD | {"observations": np.float64(0.0)}, r"observations: shape \(\)"),
    "text": (GOOD | {"actions": np.full((4, 3), "a")}, "actions: dtype"),
    "not finite": (GOOD | {"observations": np.full((4, 11), np.nan)}, r"observations: row 0: not finite.*4 bad rows"),
    "objects": (GOOD | {"actions": OBJECTS}, "holds objects"),
    "other states": (
        GOOD | {"infos/qpos": np.zeros((4, 9)), "infos/qvel": np.zeros((4, 6))},
        "infos/qpos: width 9; expected 6",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_ends_in_an_error_that_names_file_and_key(
    tmp_path: Path, case: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    arrays, message = BAD[case]
    path = tmp_path / "bad.npz"
    np.savez(path, **arrays)
    with pytest.raises(DataError, match=message) as caught:
        replay("Hopper-v4", path)
    assert str(path) in str(caught.value)
    assert main(["replay", "--environment", "Hopper-v4", "--transitions", str(path)]) == 1
    assert capsys.readouterr().out == ""


def test_what_is_no_recording_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "steps.npz"
    np.savez(path, **GOOD)
    whole = path.read_bytes()
    for content, message in (
        (b"observations,actions\n", "no whole HDF5 or npz file"),
        (whole[:300], "no whole HDF5 or npz file"),
        (b"\x89HDF\r\n\x1a\n and then nothing", "HDF5"),
        (whole[:300] + bytes(byte ^ 1 for byte in whole[300:310]) + whole[310:], "truncated, damaged"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=message):
            replay("Hopper-v4", path)
    with pytest.raises(DataError, match="No such file"):
        replay("Hopper-v4", tmp_path / "absent.npz")


def test_data_that_lies_elsewhere_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "other.hdf5", {"qpos": np.zeros((4, 6))})
    path = write(tmp_path / "steps.hdf5", GOOD | {"infos/qvel": np.zeros((4, 6))})
    with h5py.File(path, "a") as file:
        file["infos/qpos"] = h5py.ExternalLink(str(tmp_path / "other.hdf5"), "qpos")
    with pytest.raises(DataError, match="infos/qpos: is a link to elsewhere"):
        replay("Hopper-v4", path)


@pytest.mark.parametrize(
    ("environment", "arrays", "message"),
    [
        ("Hopper-v99", GOOD, "Hopper-v99"),
        ("qdot/nothing", GOOD, "qdot/nothing"),
        ("no_such_module:Hopper-v4", GOOD, "no_such_module"),
        (":Hopper-v4", GOOD, ":Hopper-v4"),
        ("Pendulum-v1", GOOD, "Pendulum-v1: its state cannot be set"),
        (
            "Reacher-v4",
            {"observations": np.zeros((4, 11)), "actions": np.zeros((4, 2)), "next_observations": np.zeros((4, 11))},
            "infos/qpos: missing, and the environment's observation",
        ),
    ],
)
def test_an_environment_that_cannot_replay_is_refused(
    tmp_path: Path, environment: str, arrays: dict[str, np.ndarray], message: str
) -> None:
    path = tmp_path / "steps.npz"
    np.savez(path, **arrays)
    with pytest.raises(DataError, match=message):
        replay(environment, path)
    assert main(["replay", "--environment", environment, "--transitions", str(path)]) == 1
