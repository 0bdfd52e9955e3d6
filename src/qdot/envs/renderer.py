"""What draws a MuJoCo environment here: which OpenGL works, and a small, plain picture."""

import functools
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import gymnasium

BACKENDS = ("egl", "osmesa", "glfw")  # values of MUJOCO_GL: a driver's own, software, a window's
VARIABLE = "MUJOCO_GL"
FOLLOWING = "track"  # the camera of Gymnasium's models that moves along; its renderer has another one look
PATIENCE = 120  # seconds for a first frame
# In a process of its own: MuJoCo decides when it is imported, and a broken driver may end the process.
PROBE = """
import mujoco
model = mujoco.MjModel.from_xml_string('<mujoco><worldbody><light pos="0 0 3"/><geom size="1"/></worldbody></mujoco>')
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
renderer = mujoco.Renderer(model, 32, 32)
renderer.update_scene(data)
if not renderer.render().any():
    raise SystemExit("its frame is black")
"""


@functools.cache
def choose() -> tuple[str | None, str]:
    """The first value of MUJOCO_GL that gives a frame; where the user has set one, that one or none.

    Returns:
        The value and "", or None and why there is none.
    """
    asked = os.environ.get(VARIABLE)
    failures = []
    for name in (asked,) if asked else BACKENDS:
        failure = _failure(name)
        if failure is None:
            return name, ""
        failures.append(f"{name}: {failure}")
    advice = f"set another {VARIABLE}, or none" if asked else "install OSMesa (Debian: libosmesa6)"
    return None, f"MuJoCo draws nothing here ({'; '.join(failures)}); {advice}"


def _failure(name: str) -> str | None:
    """Why MuJoCo gives no frame with this value; None where it gives one."""
    environment = {**os.environ, VARIABLE: name}
    command = [sys.executable, "-c", PROBE]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return f"no frame within {PATIENCE} s"
    if done.returncode == 0:
        return None
    said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return said[-1] if said else f"its process ended with {done.returncode}"


def parts(environment: gymnasium.Env[Any, Any]) -> Iterator[Any]:
    """An environment without its wrappers, and the environments that it holds, however deep."""
    todo, seen = [environment.unwrapped], set()
    while todo:
        part = todo.pop()
        if id(part) not in seen:
            seen.add(id(part))
            yield part
            todo += [value.unwrapped for value in vars(part).values() if isinstance(value, gymnasium.Env)]


def simplify(environment: gymnasium.Env[Any, Any], size: int) -> None:
    """Let a MuJoCo environment draw small frames without shadows and smoothed edges, some 20 times as fast.

    A body that runs stays in the picture.

    Args:
        environment: Not yet rendered; others than MuJoCo's stay as they are.
        size: Pixels of width and height.
    """
    for part in parts(environment):
        renderer = getattr(part, "mujoco_renderer", None)
        if renderer is not None:
            import mujoco  # not before the caller has chosen what it draws with

            following = mujoco.mj_name2id(renderer.model, mujoco.mjtObj.mjOBJ_CAMERA, FOLLOWING)
            renderer.camera_id = renderer.camera_id if following == -1 else following
            renderer.width = renderer.height = size
            renderer.model.vis.quality.shadowsize = renderer.model.vis.quality.offsamples = 0
