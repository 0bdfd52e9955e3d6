"""Datasets that the project collects itself: a recipe, a seed and a number of steps give the same bytes every time."""

import shutil
import tempfile
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import minari
import numpy as np
from minari.data_collector import EpisodeBuffer

import qdot.envs  # noqa: F401 - registers our environments
from qdot.data import collect_halfcheetah, collect_maze, collect_pendulum
from qdot.data.collect_episodes import Schedule, record
from qdot.data.collect_shifts import SUBOPTIMAL, steps_for_half, worse_half
from qdot.data.minari import datasets_root
from qdot.errors import DataError, ParamsError, unwritable

AUTHOR = "Q-DOT, reproduced"
RECIPES = {
    "pointmaze-umaze": collect_maze,
    "halfcheetah-replay": collect_halfcheetah,
    "pendulum": collect_pendulum,
}


def collect(recipe: str, seed: int, steps: int, directory: Path, shift: str | None = None) -> Path:
    """Collect a dataset and write it as a Minari dataset, in place of an earlier one of the same id.

    Args:
        recipe: One of `RECIPES`.
        seed: Of everything random. The shifts of one seed share its stream, and so its learning and its starts.
        steps: Environment steps to record.
        directory: The dataset goes to `directory/<id>`; made where it is missing.
        shift: The dataset's `recipe_shift`, one that the recipe knows; None: the recipe's own data.

    Returns:
        The dataset's folder (holds `data/`), in Minari's format.

    Raises:
        ParamsError: no such recipe, or no such shift of it, or no positive number of steps, or a negative seed.
        DataError: the folder cannot be written.
    """
    if recipe not in RECIPES:
        raise ParamsError(f"recipe {recipe!r}: no such recipe; expected one of: {', '.join(RECIPES)}")
    if steps < 1 or seed < 0:
        raise ParamsError(f"recipe {recipe!r}: found {steps} steps, seed {seed}; expected steps >= 1 and seed >= 0")
    schedules = RECIPES[recipe].SCHEDULES
    if shift not in schedules:
        known = ", ".join(filter(None, schedules)) or "none, so leave it out"
        raise ParamsError(f"recipe {recipe!r}: recipe_shift: found {shift!r}; this recipe knows: {known}")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*is out of date", DeprecationWarning)  # the version is chosen
        environment = gymnasium.make(RECIPES[recipe].ENVIRONMENT)
    generator = np.random.default_rng([zlib.crc32(recipe.encode()), seed])
    shifted = f"-{shift}" if shift else ""
    try:
        episodes = _record(environment, schedules[shift], generator, steps, shift == SUBOPTIMAL)
        identity = f"qdot/{recipe}{shifted}-seed{seed}-{steps}-v0"
        return _write(identity, episodes, environment, f"recipe {recipe}{shifted}", directory)
    finally:
        environment.close()


def _record(
    environment: gymnasium.Env[Any, Any],
    schedule: Callable[[gymnasium.Env[Any, Any], np.random.Generator, int], Schedule],
    generator: np.random.Generator,
    steps: int,
    only_worse: bool,
) -> list[EpisodeBuffer]:
    """Record `steps` steps; or twice the episodes that they take, of which the worse half is kept."""
    wanted = steps_for_half(environment, steps) if only_worse else steps
    episodes = record(environment, schedule(environment, generator, wanted), generator, wanted)
    return worse_half(episodes, steps) if only_worse else episodes


def _write(
    identity: str, episodes: list[EpisodeBuffer], environment: gymnasium.Env, algorithm: str, directory: Path
) -> Path:
    """Write into a folder of its own, then move it into place."""
    target = directory / identity
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory, prefix=".collect-") as folder, datasets_root(Path(folder)):
            with warnings.catch_warnings():  # about an e-mail address, a link and an evaluation environment
                warnings.filterwarnings("ignore", category=UserWarning, module=r"minari\.")
                minari.create_dataset_from_buffers(
                    identity, episodes, env=environment, algorithm_name=algorithm, author=AUTHOR
                )
            if target.exists():
                shutil.rmtree(target)
            (Path(folder) / identity).rename(target)
    except OSError as error:
        raise DataError(unwritable(target, error)) from error
    return target
