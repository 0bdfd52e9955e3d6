"""Names of environments: ours, Gymnasium's, and a user's own."""

import importlib.util
from pathlib import Path

import gymnasium
import pytest

import qdot.envs  # noqa: F401 - registers ours
from qdot.envs import registry


def test_every_environment_of_the_table_is_registered_with_its_horizon() -> None:
    for name, entry in registry.ENVIRONMENTS.items():
        assert gymnasium.spec(name).max_episode_steps == entry.horizon
        assert importlib.util.find_spec(str(registry.entry_module(name))) is not None


@pytest.mark.parametrize("name", ["qdot/kitchen-complete-v0", "qdot/pointmaze-umaze", "Pendulum-v1", "HalfCheetah-v4"])
def test_present_environments_are_available(name: str) -> None:
    assert registry.is_available(name) == (True, "")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("qdot/hopper-v1", "is unknown; expected one of: qdot/"),
        ("Nowhere-v0", "doesn't exist"),
        ("no_such_package:Robot-v0", "'no_such_package' is not installed"),
    ],
)
def test_an_absent_environment_says_why(name: str, reason: str) -> None:
    available, text = registry.is_available(name)
    assert not available
    assert name in text
    assert reason in text


def test_a_missing_simulator_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "mujoco" else found(name, *rest)
    )
    for name in ("qdot/pointmaze-umaze", "HalfCheetah-v4"):
        available, text = registry.is_available(name)
        assert not available
        assert "mujoco" in text
        assert "qdot[envs]" in text
    assert registry.is_available("Pendulum-v1")[0]


def test_a_users_module_registers_its_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "import gymnasium\n"
        "gymnasium.register('Mine-v0', 'gymnasium.envs.classic_control.pendulum:PendulumEnv', max_episode_steps=7)\n"
    )
    (tmp_path / "my_robots.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    assert registry.entry_module("my_robots:Mine-v0") == "my_robots"
    assert registry.is_available("my_robots:Mine-v0") == (True, "")
    assert registry.describe("my_robots:Mine-v0")["horizon"] == 7
    gymnasium.registry.pop("Mine-v0")


def test_a_description_names_the_simulator_only_where_there_is_one() -> None:
    assert registry.describe("Pendulum-v1")["mujoco"] is None
    kitchen = registry.describe("qdot/kitchen-complete-v0")
    assert kitchen["mujoco"].startswith("3.")
    assert kitchen["horizon"] == 280
    assert "noise" in kitchen["notes"]
