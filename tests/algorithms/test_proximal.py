"""With a quadratic Q, Q-DOT's map at the mean, its distilled policy, DDPG+BC and proximal steps are one policy."""

import numpy as np
import pytest
import quadratic_q
import torch
from tiny_cells import dataset, values

from qdot.training.trainer import Trainer

WEIGHT = 1.0
STEPS = 800


@pytest.fixture(scope="module")
def actions() -> np.ndarray:
    """Data of one state; alpha, Q's peak and curvature keep the mapped actions in the box."""
    return np.array([-0.2, 0.3]) + 0.15 * np.random.default_rng(0).standard_normal((1024, 2))


@pytest.mark.parametrize(
    ("name", "readouts"), [("qdot", ["map", "distill"]), ("ddpg_bc", ["policy"]), ("prox", ["policy"])]
)
def test_every_one_acts_the_proximal_map_of_the_mean_action(
    name: str, readouts: list[str], actions: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = {"steps": STEPS, "learning_rate": 3.0e-3, "actor_schedule": "cosine"}
    own = {"q_scale": "one", "transport_weight": WEIGHT}
    trainer = Trainer(name, values(name, train, **own), dataset(np.ones((1024, 2)), actions, np.zeros(1024)), [0])
    monkeypatch.setattr(trainer.model.critic, "linearised_q", quadratic_q.linearised_q)
    for _ in range(STEPS):
        trainer.advance()
    mean = torch.from_numpy(actions.mean(axis=0, keepdims=True)).float()
    expected = quadratic_q.proximal_map(mean, WEIGHT)
    assert (expected - mean).norm() > 0.2
    for readout in readouts:
        found = trainer.model.act(torch.ones(1, 1, 2), readout)[0].detach()
        torch.testing.assert_close(found, expected, atol=0.01, rtol=0)
