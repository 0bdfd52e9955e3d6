"""Datasets made here: a recipe's episodes, written as a Minari dataset like any other."""

import importlib
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import gymnasium
import minari
import numpy as np
from minari.data_collector import EpisodeBuffer

from qdot.data.minari import datasets_root
from qdot.data.recipe_names import RECIPES, recipe_module
from qdot.data.recipes.episode import Episode
from qdot.errors import ParamsError


@dataclass(frozen=True)
class Collected:
    """A dataset on disk.

    Attributes:
        id: Minari's id.
        path: Its folder.
    """

    id: str
    path: Path


def collect(recipe: str, seed: int, steps: int, directory: Path) -> Collected:
    """Run a recipe and write its episodes; what an earlier run wrote under the same id is replaced at the end.

    Args:
        recipe: One of `RECIPES`.
        seed: Of everything random.
        steps: Steps to record.
        directory: Gets `minari/qdot/<recipe>/seed<k>-<steps>-v0`.

    Raises:
        ParamsError: no such recipe.
    """
    if recipe not in RECIPES:
        raise ParamsError(f"recipe {recipe!r} is unknown; expected one of: {', '.join(RECIPES)}")
    module = importlib.import_module(recipe_module(recipe))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*is out of date.*")  # -v4 on purpose: docs/datasets.md
        episodes = module.collect(seed, steps)
        environment = gymnasium.make(module.ENVIRONMENT)
    identity = f"qdot/{recipe}/seed{seed}-{steps}-v0"
    target = directory / "minari" / identity
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".writing-") as temporary:
        with datasets_root(Path(temporary).resolve()):
            _write(identity, episodes, environment)
        shutil.rmtree(target, ignore_errors=True)
        (Path(temporary) / identity).rename(target)
    return Collected(identity, target)


def _write(identity: str, episodes: Sequence[Episode], environment: gymnasium.Env) -> None:
    """Write episodes by Minari, in its current root."""
    buffers = []
    for index, episode in enumerate(episodes):
        last = np.arange(len(episode.rewards)) == len(episode.rewards) - 1
        buffers.append(
            EpisodeBuffer(
                id=index,
                seed=episode.seed,
                observations=episode.observations,
                actions=episode.actions,
                rewards=episode.rewards.tolist(),
                terminations=(last & episode.terminated).tolist(),
                truncations=(last & (not episode.terminated)).tolist(),
            )
        )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*is set to None.*")  # no author, no links: made here
        minari.create_dataset_from_buffers(
            identity,
            buffers,
            observation_space=environment.observation_space,
            action_space=environment.action_space,
            description="Collected by a recipe of qdot (docs/datasets.md).",
        )
