"""Small datasets and values to train on in tests of algorithms and of the training loop."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch

from qdot.data.batch import Dataset
from qdot.training.trainer import Trainer

TRAIN: dict[str, Any] = {
    "steps": 40,
    "batch_size": 64,
    "hidden": [32, 32],
    "learning_rate": 3.0e-4,
    "actor_schedule": "cosine",
    "discount": 0.99,
    "target_update_rate": 0.005,
    "value_layer_norm": False,
    "reward": "as_is",
    "threads": 1,
    "compile_from": None,
    "precision": "float32",
    "log_every": 10,
    "evaluate_every": 20,
    "evaluate_episodes": 2,
}
PUSH_FORWARD: dict[str, Any] = {
    "expectile": 0.7,
    "transport_weight": 1.0,
    "q_scale": "gradient_norm",
    "twin_q": "min",
    "map_critic": "online",
    "map_actions": "dataset",
    "map_learning_rate": None,
    "icnn_form": "partial",
    "icnn_hidden": [32, 32],
    "icnn_activation": "softplus",
    "icnn_weights": "softplus",
    "softplus_beta": 3.0,
    "min_quadratic": 0.001,
    "fixed_quadratic": False,
    "behaviour": "gaussian",
    "behaviour_components": 5,
    "behaviour_holdout": True,
    "distill_target": "unclipped",
    "best_of_n": 8,
    "actor_dropout": 0.0,
}
OWN: dict[str, dict[str, Any]] = {
    "bc": {"actor_dropout": 0.0},
    "ddpg_bc": {
        "expectile": 0.7,
        "transport_weight": 1.0,
        "q_scale": "gradient_norm",
        "twin_q": "min",
        "actor_dropout": 0.0,
    },
    "prox": {
        "expectile": 0.7,
        "transport_weight": 1.0,
        "q_scale": "gradient_norm",
        "twin_q": "min",
        "prox_steps": 20,
        "prox_step_size": 0.25,
        "behaviour_holdout": True,
        "actor_dropout": 0.0,
    },
    "bc10": {"actor_dropout": 0.0, "best_share": 0.1},
    "adversarial": {
        "expectile": 0.7,
        "transport_weight": 1.0,
        "q_scale": "gradient_norm",
        "twin_q": "min",
        "actor_dropout": 0.0,
        "discriminator_steps": 1,
        "discriminator_learning_rate": 3.0e-4,
        "penalty_weight": 5.0,
    },
    "td3_bc": {"q_gain": 2.5, "policy_noise": 0.2, "noise_clip": 0.5, "policy_delay": 2},
    "iql": {"expectile": 0.7, "temperature": 3.0, "max_weight": 100.0, "actor_dropout": 0.0},
    "qdot": PUSH_FORWARD | {"cost": "squared"},
    "no_icnn": PUSH_FORWARD | {"cost": "squared", "rung": "affine"},
    "adversarial_map": PUSH_FORWARD
    | {
        "rung": "affine",
        "dual": "w1",
        "discriminator_steps": 2,
        "discriminator_learning_rate": 3.0e-4,
        "penalty_weight": 5.0,
        "dual_smoothing": 0.02,
    },
}


def values(algorithm: str, train: dict[str, Any] | None = None, **own: Any) -> dict[str, Any]:
    """Resolved values of a cell, with changes."""
    return {"train": TRAIN | (train or {}), "algorithm_values": OWN[algorithm] | own}


def with_dropout(algorithm: str, rate: float) -> dict[str, Any]:
    """Values that set the actors' dropout, for an algorithm that has any."""
    return {"actor_dropout": rate} if "actor_dropout" in OWN[algorithm] else {}


def trained(algorithm: str, data: Dataset, **own: Any) -> bytes:
    """The policy file of seed 6 after five steps beside seed 0."""
    trainer = Trainer(algorithm, values(algorithm, **own), data, [0, 6])
    for _ in range(5):
        trainer.advance()
    return trainer.policies()[6]


def dataset(
    observations: np.ndarray, actions: np.ndarray, rewards: np.ndarray, terminals: np.ndarray | None = None
) -> Dataset:
    """A dataset whose next observations are the rows below; every row is terminal unless told."""
    terminals = np.ones(len(rewards)) if terminals is None else terminals
    width = actions.shape[1]
    return Dataset(
        observations=observations.astype(np.float32),
        actions=actions.astype(np.float32),
        rewards=rewards.astype(np.float32),
        recorded_rewards=rewards.astype(np.float32),
        next_observations=np.roll(observations, -1, axis=0).astype(np.float32),
        terminals=terminals.astype(np.float32),
        observation_dim=observations.shape[1],
        action_dim=width,
        action_low=np.linspace(-3, -1, width, dtype=np.float32),
        action_high=np.linspace(1, 5, width, dtype=np.float32),
        size=len(rewards),
        episode_starts=np.zeros(1, np.int64),
        observation_mean=np.zeros(observations.shape[1], np.float32),
        observation_scale=np.ones(observations.shape[1], np.float32),
    )


def random_dataset(observation_dim: int = 3, action_dim: int = 1, size: int = 200) -> Dataset:
    """Noise, with some terminals."""
    draw = np.random.default_rng(7)
    return dataset(
        draw.standard_normal((size, observation_dim)),
        np.tanh(draw.standard_normal((size, action_dim))),
        draw.standard_normal(size),
        draw.random(size) < 0.1,
    )


def bandit(size: int = 256) -> Dataset:
    """One state; action +0.5 earns 1, action -0.5 earns 0; equally often."""
    good = np.arange(size) % 2 == 0
    return dataset(np.ones((size, 2)), np.where(good, 0.5, -0.5)[:, None], good.astype(float))


def poison_second_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the weights of the second of three seeds become NaN after 15 steps."""
    plain = Trainer.note

    def poison(self: Trainer, info: Mapping[str, torch.Tensor]) -> None:
        plain(self, info)
        if self.step == 15:
            with torch.no_grad():
                for parameter in self.model.parameters():
                    parameter.unflatten(0, (3, -1))[1] = float("nan")

    monkeypatch.setattr(Trainer, "note", poison)
