"""Is an environment the one that a recording was made in? Every recorded step by itself, from its own state."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from qdot.data.steps import POSITIONS, VELOCITIES, RecordedSteps
from qdot.errors import DataError

Array = npt.NDArray[np.float64]
StateOf = Callable[[Array], tuple[Array, Array]]

FAST = 1000.0  # a speed beyond every clip of an observation


@dataclass(frozen=True)
class OneStep:
    """One-step errors of a recording. A row's error is the largest absolute difference over its next observation.

    Attributes:
        n: Rows replayed.
        skipped: Rows left out: without a recorded next observation, or at a clipped velocity.
        median: Of the errors.
        p90: Their .9 quantile.
        p99: Their .99 quantile.
        max: The largest.
    """

    n: int
    skipped: int
    median: float
    p90: float
    p99: float
    max: float


def replay_steps(environment: gymnasium.Env[Any, Any], steps: RecordedSteps) -> OneStep:
    """Set each row's state, apply its action as recorded, and compare what is observed with what was recorded.

    The state is the recorded one where the file has it. Otherwise it is read off the observation, with 0 for the root's
    position along the ground, which these observations leave out and nothing depends on. Rows are skipped whose own
    observation shows a velocity at the bound to which the environment clips it (10 in Hopper and Walker2d, none in
    HalfCheetah): their velocity is unknown. A clipped velocity in the next observation is none, for the simulated one
    is clipped alike.

    Args:
        environment: A MuJoCo environment of Gymnasium or of ours.
        steps: The recording.

    Raises:
        DataError: the environment's state cannot be set, the recording is of other widths, or no row is left.
    """
    simulator: Any = environment.unwrapped
    _require(environment, steps)
    positions, velocities, usable = _states(simulator, steps)
    chosen = np.flatnonzero(usable)
    if not len(chosen):
        raise DataError(
            f"{steps.path}: none of {len(steps):,} rows can be replayed: each has no recorded next observation, or "
            f"shows a clipped velocity; expected a row without, or {POSITIONS} and {VELOCITIES}"
        )
    errors = np.empty(len(chosen))
    for index, row in enumerate(chosen):
        simulator.set_state(positions[row], velocities[row])
        reached = simulator.step(steps.actions[row])[0]
        errors[index] = np.abs(reached - steps.next_observations[row]).max()
    if not np.isfinite(errors).all():
        row = steps.rows[chosen[np.argmax(~np.isfinite(errors))]]
        raise DataError(f"{steps.path}: row {row}: the simulation diverges; expected a state of {_name(environment)}")
    median, p90, p99 = (float(value) for value in np.quantile(errors, (0.5, 0.9, 0.99)))
    return OneStep(len(chosen), len(steps) - len(chosen), median, p90, p99, float(errors.max()))


def _states(simulator: Any, steps: RecordedSteps) -> tuple[Array, Array, npt.NDArray[np.bool_]]:
    """Each row's positions (n, nq) and velocities (n, nv) before its action, and whether they are all known."""
    if steps.positions is not None and steps.velocities is not None:
        _require_state(simulator, steps)
        return steps.positions, steps.velocities, steps.known
    state_of = _state_of(simulator, steps)
    states = [state_of(observation) for observation in steps.observations]
    positions, velocities = (np.array(part) for part in zip(*states, strict=True))
    shown = (np.abs(velocities) < _velocity_bounds(simulator, state_of)).all(axis=1)
    return positions, velocities, steps.known & shown


def _name(environment: gymnasium.Env[Any, Any]) -> str:
    return environment.spec.id if environment.spec else str(environment)


def _require(environment: gymnasium.Env[Any, Any], steps: RecordedSteps) -> None:
    """Refuse environments without a settable state and recordings of other widths."""
    name = _name(environment)
    if not all(hasattr(environment.unwrapped, part) for part in ("set_state", "_get_obs", "model", "init_qpos")):
        raise DataError(f"{name}: its state cannot be set; expected a MuJoCo environment of Gymnasium or of qdot")
    for key, space in (("observations", environment.observation_space), ("actions", environment.action_space)):
        width = getattr(steps, key).shape[1]
        if space.shape != (width,):
            raise DataError(f"{steps.path}: {key}: width {width}; expected {space.shape} as {name} has")


def _require_state(simulator: Any, steps: RecordedSteps) -> None:
    """Refuse recorded states of another model."""
    model = simulator.model
    for key, found, expected in ((POSITIONS, steps.positions, model.nq), (VELOCITIES, steps.velocities, model.nv)):
        if found is not None and found.shape[1] != expected:
            raise DataError(f"{steps.path}: {key}: width {found.shape[1]}; expected {expected} as the model has")


def _state_of(simulator: Any, steps: RecordedSteps) -> StateOf:
    """How to read (positions, velocities) off an observation: the environment's own way, or Gymnasium's layout."""
    if hasattr(simulator, "state_of"):
        return simulator.state_of
    positions, velocities = int(simulator.model.nq), int(simulator.model.nv)
    shown = steps.observations.shape[1] - velocities
    if not 0 < shown <= positions:
        raise DataError(
            f"{steps.path}: {POSITIONS}: missing, and the environment's observation ({steps.observations.shape[1]} "
            f"numbers) is not its {positions} positions but for the root's, then its {velocities} velocities; expected "
            f"{POSITIONS} and {VELOCITIES} in the file"
        )

    def state_of(observation: Array) -> tuple[Array, Array]:
        return np.concatenate([np.zeros(positions - shown), observation[:shown]]), observation[shown:]

    return state_of


def _velocity_bounds(simulator: Any, state_of: StateOf) -> Array:
    """The bound (nv,) to which the environment clips each velocity that it shows; infinite where it does not."""
    simulator.set_state(simulator.init_qpos, np.full(simulator.model.nv, FAST))
    shown = state_of(np.asarray(simulator._get_obs()))[1]
    return np.where(shown < FAST, shown, np.inf)
