"""Which environments there are: data only, so that the workflow can ask without importing a simulator."""

import importlib
import importlib.metadata
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from qdot.envs.simulator import installed_objection

if TYPE_CHECKING:
    from gymnasium.envs.registration import EnvSpec

OWN = "qdot/"


@dataclass(frozen=True)
class Entry:
    """An environment of ours.

    Attributes:
        location: `module:Class`.
        horizon: Steps after which an episode is truncated.
        values: Arguments of the class.
        notes: What a report says of it: simulator model, noise.
        copies: Episodes that one process plays at once, at most; few where a copy takes much memory.
        place: Which observations are a place in the plane, where the task is to go somewhere.
    """

    location: str
    horizon: int
    values: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    notes: str = ""
    copies: int = 32
    place: tuple[int, int] | None = None


_OLD_CAPSULES = "capsules weighed as by MuJoCo before 2.1.2 (cylinders of height 2h + r)"
_ANTMAZE = "qdot.envs.antmaze:AntMazeEnv"
_ANTMAZE_NOTES = (
    f"Gymnasium's ant with D4RL's motors, time step and contacts, {_OLD_CAPSULES}; D4RL's walls, starts and goals"
)
_KITCHEN = "qdot.envs.kitchen:KitchenEnv"
_KITCHEN_NOTES = "D4RL's observation noise (ratio 0.1), control from the last noisy reading, reward on noisy distances"
_FIRST_FOUR = ("microwave", "kettle", "light switch", "slide cabinet")
_MIXED_FOUR = ("microwave", "kettle", "bottom burner", "light switch")


def _walker(name: str, stock: str, more: str = "") -> Entry:
    """A locomotion environment: 1,000 steps, Gymnasium's with old capsules."""
    return Entry(
        f"qdot.envs.locomotion:{name}", 1000, {}, f"Gymnasium's {stock} with {_OLD_CAPSULES}, actions clipped{more}"
    )


def _antmaze(maze: str, version: str) -> Entry:
    """An AntMaze: `v2` draws its goal at each reset, `v0` once."""
    each = version == "v2"
    goals = "drawn at each reset" if each else "drawn once, and at a reset with a seed"
    values = {"maze": maze, "goal_each_reset": each}
    return Entry(_ANTMAZE, 700 if maze == "umaze" else 1000, values, f"{_ANTMAZE_NOTES}, {goals}", place=(0, 1))


ENVIRONMENTS: dict[str, Entry] = {
    "qdot/hopper-v2": _walker("HopperEnv", "Hopper-v4"),
    "qdot/halfcheetah-v2": _walker("HalfCheetahEnv", "HalfCheetah-v4"),
    "qdot/walker2d-v2": _walker("Walker2dEnv", "Walker2d-v4"),
    "qdot/ant-v2": _walker("AntEnv", "Ant-v4", ", contact forces zero as in D4RL's files"),
    **{
        f"qdot/antmaze-{maze}-{version}": _antmaze(maze, version)
        for maze in ("umaze", "medium", "large")
        for version in ("v0", "v2")
    },
    "qdot/kitchen-complete-v0": Entry(_KITCHEN, 280, {"tasks": _FIRST_FOUR}, _KITCHEN_NOTES, 10),
    "qdot/kitchen-partial-v0": Entry(_KITCHEN, 280, {"tasks": _FIRST_FOUR}, _KITCHEN_NOTES, 10),
    "qdot/kitchen-mixed-v0": Entry(_KITCHEN, 280, {"tasks": _MIXED_FOUR}, _KITCHEN_NOTES, 10),
    "qdot/pointmaze-umaze": Entry(
        "qdot.envs.maze:PointMazeEnv",
        300,
        {},
        "PointMaze_UMaze-v3, continuing, goal fixed at cell (3, 1), 4-d observation",
        place=(0, 1),
    ),
}


def entry_module(environment: str) -> str | None:
    """The module that defines an environment of ours or of a `module:Id` name; None for Gymnasium's own ids."""
    if environment in ENVIRONMENTS:
        return ENVIRONMENTS[environment].location.partition(":")[0]
    module, found, _ = environment.partition(":")
    return module if found else None


def values_of(environment: str | None) -> list[Any]:
    """What a digest must know of an environment beside its code: its id, and of ours the horizon and arguments."""
    entry = ENVIRONMENTS.get(environment or "")
    return [environment, *([entry.location, entry.horizon, dict(entry.values)] if entry else [])]


def is_available(environment: str) -> tuple[bool, str]:
    """Whether an environment can be made here, and why not."""
    if environment.startswith(OWN) and environment not in ENVIRONMENTS:
        return False, f"environment {environment!r} is unknown; expected one of: {', '.join(ENVIRONMENTS)}"
    module, found, _ = environment.partition(":")
    if found and importlib.util.find_spec(module) is None:
        return False, f"environment {environment!r}: module {module!r} is not installed"
    import gymnasium

    try:
        needed = simulators(find_spec(environment))
    except (gymnasium.error.Error, ImportError) as error:
        return False, f"environment {environment!r}: {error}"
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        names = ", ".join(missing)
        return False, f"environment {environment!r} needs {names}; install the extra: pip install 'qdot[envs]'"
    reason = installed_objection() if environment in ENVIRONMENTS else ""
    return not reason, f"environment {environment!r}: {reason}" if reason else ""


def find_spec(environment: str) -> "EnvSpec":
    """The registered description of an environment.

    Args:
        environment: Gymnasium id, or `module:Id`, whose module registers it when imported.

    Raises:
        gymnasium.error.Error: no such id.
        ImportError: no such module.
    """
    import gymnasium

    import qdot.envs  # noqa: F401 - registers ours

    module, found, name = environment.partition(":")
    if found:
        importlib.import_module(module)
    return gymnasium.spec(name if found else environment)


def simulators(spec: "EnvSpec") -> tuple[str, ...]:
    """Packages of the extra `envs` that an environment needs, as far as its entry point tells."""
    if spec.id in ENVIRONMENTS:
        return "mujoco", "gymnasium_robotics"
    return ("mujoco",) if "mujoco" in str(spec.entry_point) else ()


def describe(environment: str) -> dict[str, Any]:
    """What a manifest records of an environment: id, simulator version, what differs from stock, horizon."""
    spec = find_spec(environment)
    entry = ENVIRONMENTS.get(environment)
    described = {
        "id": environment,
        "horizon": spec.max_episode_steps,
        "gymnasium": importlib.metadata.version("gymnasium"),
        "mujoco": None,
        "notes": entry.notes if entry else "as its package registers it",
    }
    if "mujoco" in simulators(spec):
        import mujoco  # an import, not only its metadata: so every digest that covers a rollout holds its version

        described["mujoco"] = mujoco.__version__
    return described
