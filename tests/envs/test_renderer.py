"""What MuJoCo draws with: the user's choice, else the first that gives a frame; a plain picture changes no number."""

from typing import Any

import gymnasium
import mujoco
import numpy as np
import pytest

from qdot.envs import renderer


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names that were tried; osmesa alone gives a frame."""
    names: list[str] = []

    def failure(name: str) -> str | None:
        names.append(name)
        return None if name == "osmesa" else "no such library"

    monkeypatch.setattr(renderer, "_failure", failure)
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    renderer.choose.cache_clear()
    return names


def test_the_first_that_gives_a_frame_is_taken_and_asked_once(tried: list[str]) -> None:
    assert [renderer.choose() for _ in range(2)] == [("osmesa", "")] * 2
    assert tried == ["egl", "osmesa"]


def test_what_the_user_set_is_respected_where_it_fails_too(tried: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "glfw")
    chosen, reason = renderer.choose()
    assert chosen is None
    assert tried == ["glfw"]
    assert reason == "MuJoCo draws nothing here (glfw: no such library); set another MUJOCO_GL, or none"


def test_where_none_works_each_says_why(tried: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renderer, "_failure", lambda name: f"{name} is broken")
    chosen, reason = renderer.choose()
    assert chosen is None
    assert [f"{name}: {name} is broken" in reason for name in renderer.BACKENDS] == [True] * 3
    assert "libosmesa6" in reason


def test_a_process_that_draws_nothing_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "nonsense" in str(renderer._failure("nonsense"))
    monkeypatch.setattr(renderer, "PROBE", "import os; os.abort()")
    assert str(renderer._failure("egl")).startswith("its process ended with -")
    monkeypatch.setattr(renderer, "PROBE", "raise SystemExit('its frame is black')")
    assert renderer._failure("egl") == "its frame is black"


@pytest.mark.filterwarnings("ignore:.*is out of date")
def test_a_simpler_picture_changes_no_number() -> None:
    def states(simple: bool) -> Any:
        environment = gymnasium.make("HalfCheetah-v4", render_mode="rgb_array" if simple else None)
        if simple:
            renderer.simplify(environment, 64)
            assert [part.mujoco_renderer.width for part in renderer.parts(environment)] == [64]
        environment.reset(seed=3)
        draw = np.random.default_rng(0)
        return [environment.step(draw.uniform(-1, 1, 6))[:2] for _ in range(30)]

    for (seen, reward), (expected, other) in zip(states(True), states(False), strict=True):
        assert np.array_equal(seen, expected)
        assert reward == other


@pytest.mark.filterwarnings("ignore:.*is out of date")
@pytest.mark.parametrize("name", ["HalfCheetah-v4", "qdot/hopper-v2", "qdot/walker2d-v2", "qdot/ant-v2"])
def test_the_camera_moves_along_with_a_body_that_runs(name: str) -> None:
    environment = gymnasium.make(name, render_mode="rgb_array")
    renderer.simplify(environment, 64)
    (chosen,) = [part.mujoco_renderer for part in renderer.parts(environment)]
    assert chosen.model.cam_mode[chosen.camera_id] == mujoco.mjtCamLight.mjCAMLIGHT_TRACKCOM
    environment.close()
