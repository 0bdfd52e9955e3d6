"""Failure signs on runs that were made to fail, and their silence on the same runs at the values of params.yaml."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_cells import dataset

from qdot import params
from qdot.data.batch import Dataset
from qdot.study import Study
from qdot.training.loop import threads
from qdot.training.trainer import Trainer

TOP = Path(__file__).parents[2]
STEPS, ROWS = 600, 30
SMALL = {"steps": STEPS, "batch_size": 64, "hidden": [32, 32], "learning_rate": 1.0e-3}


def pursuit(size: int = 2000) -> Dataset:
    """Actions scatter around f(s), what pays is to go a little further that way, and every row leads to the next."""
    draw = np.random.default_rng(3)
    states = draw.standard_normal((size, 3))
    centre = 0.4 * np.tanh(states[:, :2])
    actions = np.clip(centre + 0.25 * draw.standard_normal((size, 2)), -0.99, 0.99)
    rewards = 1 - np.square(actions - 1.6 * centre).sum(axis=1)
    return dataset(states, actions, rewards, terminals=np.zeros(size))


def signs(algorithm: str, own: dict[str, Any] | None = None, train: dict[str, Any] | None = None) -> set[str]:
    """Names of the signs that a run with these values shows; strengths are not those that a sweep chose for a maze."""
    study = Study.from_config(params.load(TOP), "ablations", TOP)
    values = study.resolved("pointmaze-umaze", algorithm)
    values["train"] |= SMALL | (train or {})
    values["algorithm_values"] |= {"transport_weight": 1.0} if "transport_weight" in values["algorithm_values"] else {}
    values["algorithm_values"] |= own or {}
    with threads(1):
        trainer = Trainer(values["method"], values, pursuit(), [0])
        for step in range(1, STEPS + 1):
            trainer.advance()
            if step % (STEPS // ROWS) == 0:
                trainer.inspect(log=True)
    outcome = trainer.outcome(0, seconds=1.0)
    assert outcome.status == "ok"
    return {sign.sign for sign in outcome.signs}


@pytest.mark.parametrize(
    ("algorithm", "own", "train", "sign"),
    [
        ("qdot", {"transport_weight": 1.0e4}, {}, "identity collapse"),
        ("no_icnn", {"transport_weight": 1.0e4}, {}, "identity collapse"),
        ("adversarial", {"discriminator_learning_rate": 10.0}, {}, "discriminator oscillation"),
        ("adversarial", {"transport_weight": 1.0e-6}, {"learning_rate": 0.1}, "policy leaves the data"),
        ("iql", {"expectile": 0.99}, {"learning_rate": 0.01, "target_update_rate": 1.0}, "value divergence"),
    ],
)
def test_a_run_made_to_fail_shows_its_sign(
    algorithm: str, own: dict[str, Any], train: dict[str, Any], sign: str
) -> None:
    assert sign in signs(algorithm, own, train)


@pytest.mark.parametrize("algorithm", ["qdot", "no_icnn", "adversarial", "adversarial_map", "ddpg_bc", "prox", "iql"])
def test_a_run_at_the_values_of_params_shows_none(algorithm: str) -> None:
    assert signs(algorithm) == set()
