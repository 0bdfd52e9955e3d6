"""What every environment of ours keeps to: Gymnasium's rules, seeds, reference scores, light imports, its simulator."""

import ctypes.util
import hashlib
import importlib
import importlib.metadata
import json
import os
import subprocess
import sys
import tomllib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import mujoco
import numpy as np
import pytest
import yaml
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv

import qdot.envs  # noqa: F401 - registers ours
from qdot.envs import registry, simulator

TOP = Path(__file__).parents[2]
NAMES = sorted(registry.ENVIRONMENTS)
ONE_OF_EACH_KIND = ["qdot/hopper-v2", "qdot/antmaze-medium-v2", "qdot/kitchen-mixed-v0", "qdot/pointmaze-umaze"]
HEAVY = ("torch", "snakemake", "dvc", "h5py", "pandas")
STEPS = 6

pytestmark = pytest.mark.filterwarnings("ignore:.*is out of date:DeprecationWarning")  # AntMaze -v0


def make(name: str) -> gymnasium.Env:
    return gymnasium.make(name)


def actions(environment: Any, stream: int) -> np.ndarray:
    return np.random.default_rng(stream).uniform(-1, 1, (STEPS, environment.action_space.shape[-1])).astype(np.float32)


def trajectory(environment: gymnasium.Env, seed: int) -> np.ndarray:
    """Observation and reward (steps + 1, obs + 1) of a seeded start and random actions of the same seed."""
    rows = [[*environment.reset(seed=seed)[0], 0.0]]
    for action in actions(environment, seed):
        observation, reward, *_ = environment.step(action)
        rows.append([*observation, reward])
    return np.array(rows, dtype=np.float64)


def vectorised(kind: type, name: str, seeds: list[int]) -> np.ndarray:
    """The same of several seeds at once: (seeds, steps + 1, obs + 1)."""
    environments = kind([lambda: make(name)] * len(seeds))
    found = [np.column_stack([environments.reset(seed=seeds)[0], np.zeros(len(seeds))])]
    drawn = np.stack([actions(environments, seed) for seed in seeds])
    for step in range(STEPS):
        observations, rewards, *_ = environments.step(drawn[:, step])
        found.append(np.column_stack([observations, rewards]))
    environments.close()
    return np.stack(found, axis=1)


def run(code: str, tmp_path: Path, **variables: str) -> str:
    """Standard output of a fresh interpreter."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **variables}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("name", NAMES)
def test_gymnasium_finds_no_fault(name: str) -> None:
    environment = make(name).unwrapped
    with warnings.catch_warnings():
        warnings.filterwarnings("error", category=UserWarning)
        warnings.filterwarnings("ignore", ".*A Box observation space (min|max)imum value is")
        check_env(environment, skip_render_check=True)
    environment.close()


def test_reference_scores_are_those_the_study_scores_with() -> None:
    """params.yaml states them once more, for a study without simulators."""
    datasets = yaml.safe_load((TOP / "params.yaml").read_text())["datasets"]
    used = {block["environment"]: block["reference_scores"] for block in datasets.values() if "environment" in block}
    ours = sorted(set(used) & set(NAMES))
    assert len(ours) >= 13
    for name in ours:
        module, _, kind = registry.ENVIRONMENTS[name].location.partition(":")
        assert list(getattr(importlib.import_module(module), kind).reference_scores) == used[name], name


@pytest.mark.parametrize("name", NAMES)
def test_each_says_what_it_changes(name: str) -> None:
    entry = registry.ENVIRONMENTS[name]
    assert len(entry.notes) > 40
    module, _, kind = entry.location.partition(":")
    text = getattr(importlib.import_module(module), kind).__doc__ or ""
    assert "differs" in text or "another task" in text


def test_a_seed_decides_a_trajectory_in_this_process_and_in_another(tmp_path: Path) -> None:
    def digest(name: str) -> str:
        environment = make(name)
        trajectory(environment, 4)  # what came before does not matter
        found = trajectory(environment, 3)
        environment.close()
        assert not np.array_equal(found, trajectory(make(name), 4))
        return hashlib.sha256(found.tobytes()).hexdigest()

    here = {name: digest(name) for name in NAMES}
    code = (
        "import hashlib, json, gymnasium, numpy as np, qdot.envs\n"
        "found = {}\n"
        "for name in qdot.envs.ENVIRONMENTS:\n"
        "    environment = gymnasium.make(name)\n"
        "    rows = [[*environment.reset(seed=3)[0], 0.0]]\n"
        f"    shape = ({STEPS}, *environment.action_space.shape)\n"
        "    for action in np.random.default_rng(3).uniform(-1, 1, shape).astype(np.float32):\n"
        "        observation, reward, *_ = environment.step(action)\n"
        "        rows.append([*observation, reward])\n"
        "    found[name] = hashlib.sha256(np.array(rows, dtype=np.float64).tobytes()).hexdigest()\n"
        "print(json.dumps(found))\n"
    )
    assert json.loads(run(code, tmp_path).splitlines()[-1]) == here


@pytest.mark.parametrize("name", ONE_OF_EACH_KIND)
def test_eight_at_once_run_as_each_alone(name: str) -> None:
    seeds = list(range(8))
    environment = make(name)
    alone = np.stack([trajectory(environment, seed) for seed in seeds])
    environment.close()
    for kind in (SyncVectorEnv, AsyncVectorEnv):
        assert np.array_equal(vectorised(kind, name, seeds), alone), kind


def test_importing_is_light_and_making_one_needs_no_pipeline(tmp_path: Path) -> None:
    code = (
        "import sys, gymnasium, qdot.envs\n"
        "assert not {'mujoco', 'gymnasium_robotics'} & set(sys.modules)\n"
        "for name in qdot.envs.ENVIRONMENTS:\n"
        "    gymnasium.make(name).close()\n"
        "assert 'mujoco' in sys.modules\n"
        f"print([name for name in {HEAVY} if name in sys.modules])\n"
    )
    assert run(code, tmp_path).splitlines()[-1] == "[]"


def test_frames_are_images(require: Callable[[str, bool, str], None], tmp_path: Path) -> None:
    backends = {"egl": "EGL", "osmesa": "OSMesa"}
    found = [backend for backend, library in backends.items() if ctypes.util.find_library(library)]
    require("egl", bool(found), "no libEGL or libOSMesa to draw with")
    code = (
        "import gymnasium, qdot.envs\n"
        "for name in ('qdot/halfcheetah-v2', 'qdot/ant-v2', 'qdot/antmaze-umaze-v2'):\n"
        "    environment = gymnasium.make(name, render_mode='rgb_array')\n"
        "    environment.reset(seed=0)\n"
        "    frame = environment.render()\n"
        "    environment.close()\n"
        "    print(frame.shape, frame.dtype, frame.std() > 10)\n"
    )
    assert run(code, tmp_path, MUJOCO_GL=found[0]).splitlines()[-3:] == ["(480, 480, 3) uint8 True"] * 3


def test_the_documented_lines_score_an_episode(capsys: pytest.CaptureFixture[str]) -> None:
    text = (TOP / "docs" / "environments.md").read_text().partition("```python\n")[2].partition("```")[0]
    exec(text, {"policy": lambda observation: np.zeros(3)})
    name, _, score = capsys.readouterr().out.strip().rpartition(": ")
    assert name == "D4RL score"
    assert 0 < float(score) < 10  # a hopper that does nothing


@pytest.mark.parametrize("version", ["3.4.0", "3.5.0", "3.11.0", "4.0.0", "3.3.6"])
def test_another_mujoco_is_refused_where_an_environment_is_loaded(
    version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mujoco, "__version__", version)
    for module in {registry.entry_module(name) for name in NAMES} | {"qdot.envs.capsules"}:
        monkeypatch.delitem(sys.modules, str(module), raising=False)
    for name in ONE_OF_EACH_KIND:
        with pytest.raises(ImportError, match=rf"found mujoco {version}, .*summed.*pip install 'mujoco==3.3.7'"):
            gymnasium.make(name)


def test_another_mujoco_is_an_environment_that_is_not_available(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "3.5.0" if name == "mujoco" else installed(name))
    available, reason = registry.is_available("qdot/hopper-v2")
    assert not available
    assert "'qdot/hopper-v2': found mujoco 3.5.0, expected 3.3.7" in reason
    assert registry.is_available("Hopper-v4") == (True, "")  # not ours to judge


def test_the_mujoco_asked_for_is_the_one_that_the_extra_installs() -> None:
    extras = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert f"mujoco=={simulator.MUJOCO}" in extras["envs"]
    assert f"mujoco=={simulator.MUJOCO}" in (TOP / "requirements.lock").read_text()
