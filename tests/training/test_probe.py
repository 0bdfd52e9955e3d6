"""The probe: what it measures of which algorithm, and that its rows are no batch mates' business."""

import numpy as np
import pytest
import torch
from tiny_cells import random_dataset, values

from qdot.training.probe import ROWS, Probe
from qdot.training.trainer import Trainer


def measured(algorithm: str, **own: object) -> dict[str, torch.Tensor]:
    trainer = Trainer(algorithm, values(algorithm, **own), random_dataset(5, 3), [0, 1])
    trainer.advance()
    return Probe(random_dataset(5, 3), 0.99, "cpu").measure(trainer.model)


def test_each_algorithm_is_measured_by_what_it_has() -> None:
    assert set(measured("bc")) == {"policy_data_distance"}
    assert set(measured("iql")) == {"value_over_bound", "policy_data_distance"}
    found = measured("qdot")
    for readout in ("map", "distill"):
        assert {f"{readout}_w2_squared", f"{readout}_standard_distance", f"{readout}_surprise"} <= set(found)
    assert {"displacement_over_sd", "map_asymmetry", "map_monotone_violations", "map_divergence"} <= set(found)
    assert not any(name.startswith("best_of_n") for name in found)  # it samples: measured at the last checkpoint
    assert {tuple(value.shape) for value in found.values()} == {(2,)}


@pytest.mark.parametrize("behaviour", ["gaussian", "mixture"])
def test_a_map_that_starts_at_the_identity_shows_none_of_its_signs(behaviour: str) -> None:
    trainer = Trainer("qdot", values("qdot", behaviour=behaviour), random_dataset(5, 3), [0])
    found = Probe(random_dataset(5, 3), 0.99, "cpu").measure(trainer.model)
    assert found["displacement_over_sd"].item() == pytest.approx(0, abs=1e-5)
    assert found["map_monotone_violations"].item() == 0
    assert found["map_divergence"].item() == pytest.approx(0, abs=1e-4)


def test_only_a_free_map_is_asymmetric() -> None:
    free = Trainer("no_icnn", values("no_icnn"), random_dataset(5, 3), [0])
    convex = Trainer("qdot", values("qdot"), random_dataset(5, 3), [0])
    for trainer in (free, convex):
        for _ in range(10):
            trainer.advance()
    probe = Probe(random_dataset(5, 3), 0.99, "cpu")
    assert probe.measure(convex.model)["map_asymmetry"].item() < 1e-3
    assert probe.measure(free.model)["map_asymmetry"].item() > 1e-2


def test_rows_are_of_the_data_and_held_out_rows_apart() -> None:
    dataset = random_dataset(5, 3, size=600)
    dataset.episode_starts.resize(60, refcheck=False)
    dataset.episode_starts[:] = np.arange(0, 600, 10)
    probe = Probe(dataset, 0.5, "cpu")
    assert probe.states.shape == (ROWS, 5)
    assert probe.held_out is not None
    hidden = dataset.observations[dataset.held_out == 1]
    assert len(hidden) == 30
    assert {tuple(row) for row in probe.held_out[0].numpy()} == {tuple(row) for row in hidden}
    assert not {tuple(row) for row in probe.states.numpy()} & {tuple(row) for row in hidden}
    assert probe.value_bound == pytest.approx(2 * np.abs(dataset.rewards).max())


def test_a_constant_action_is_at_distance_one_from_the_datas_actions() -> None:
    trainer, probe = Trainer("bc", values("bc"), random_dataset(5, 3), [0]), Probe(random_dataset(5, 3), 0.99, "cpu")
    trainer.model.act = lambda states, readout, noise=None: probe.actions.mean(dim=0).expand(1, ROWS, -1)
    assert probe.measure(trainer.model)["policy_data_distance"].item() == pytest.approx(1.0)
