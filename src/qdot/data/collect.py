"""Datasets that the project collects itself: a recipe, a seed and a number of steps give the same bytes every time."""

import shutil
import tempfile
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path

import gymnasium
import minari
import numpy as np
from minari.data_collector import EpisodeBuffer

import qdot.envs  # noqa: F401 - registers our environments
from qdot.data import collect_halfcheetah, collect_maze, collect_pendulum
from qdot.data.collect_episodes import returns_of
from qdot.data.minari import datasets_root
from qdot.errors import DataError, ParamsError

AUTHOR = "Q-DOT, reproduced"
RECIPES = {
    "pointmaze-umaze": collect_maze,
    "halfcheetah-replay": collect_halfcheetah,
    "pendulum": collect_pendulum,
}


@dataclass(frozen=True)
class CollectResult:
    """A collected dataset.

    Attributes:
        path: Its folder (holds `data/`), in Minari's format.
        id: Its Minari id.
        episodes: How many.
        steps: How many.
        return_mean: Over episodes, undiscounted; the last one may be cut short.
        return_min: The lowest.
        return_max: The highest.
    """

    path: Path
    id: str
    episodes: int
    steps: int
    return_mean: float
    return_min: float
    return_max: float


def collect(recipe: str, seed: int, steps: int, directory: Path) -> CollectResult:
    """Collect a dataset and write it as a Minari dataset, in place of an earlier one of the same id.

    Args:
        recipe: One of `RECIPES`.
        seed: Of everything random.
        steps: Environment steps to record.
        directory: The dataset goes to `directory/<id>`; made where it is missing.

    Raises:
        ParamsError: no such recipe, or no positive number of steps, or a negative seed.
        DataError: the folder cannot be written.
    """
    if recipe not in RECIPES:
        raise ParamsError(f"recipe {recipe!r}: no such recipe; expected one of: {', '.join(RECIPES)}")
    if steps < 1 or seed < 0:
        raise ParamsError(f"recipe {recipe!r}: found {steps} steps, seed {seed}; expected steps >= 1 and seed >= 0")
    module = RECIPES[recipe]
    generator = np.random.default_rng([zlib.crc32(recipe.encode()), seed])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*is out of date", DeprecationWarning)  # the version is chosen
        environment = gymnasium.make(module.ENVIRONMENT)
    try:
        episodes = module.collect_episodes(environment, generator, steps)
        identity = f"qdot/{recipe}-seed{seed}-{steps}-v0"
        path = _write(identity, episodes, environment, f"recipe {recipe}", directory)
    finally:
        environment.close()
    returns = returns_of(episodes)
    statistics = (float(value) for value in (returns.mean(), returns.min(), returns.max()))
    return CollectResult(path, identity, len(episodes), sum(map(len, episodes)), *statistics)


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
        raise DataError(f"{target}: cannot be written ({error}); expected a writable folder with free space") from error
    return target
