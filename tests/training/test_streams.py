"""Random streams are functions of (seed, purpose, position)."""

import numpy as np
import torch
from scipy import stats

from qdot.training.streams import BLOCK, Minibatches, init_generators


def test_rows_depend_on_seed_and_step_alone() -> None:
    forward = Minibatches([3, 5], 100, 32)
    ordered = [forward.rows(step).clone() for step in range(2 * BLOCK)]
    jumping = Minibatches([5], 100, 32)
    for step in (2 * BLOCK - 1, 0, BLOCK, 7):
        assert torch.equal(jumping.rows(step), ordered[step][32:])


def test_rows_are_uniform_over_the_dataset_and_differ_between_steps_and_seeds() -> None:
    stream = Minibatches([0, 1], 50, 64)
    rows = torch.stack([stream.rows(step) for step in range(3 * BLOCK)])
    assert stats.chisquare(np.bincount(rows.numpy().ravel(), minlength=50)).pvalue > 1e-4
    assert len(rows.unique(dim=0)) == len(rows)
    assert not torch.equal(rows[:, :64], rows[:, 64:])


def test_a_dataset_smaller_than_a_batch_is_drawn_with_replacement() -> None:
    assert set(Minibatches([0], 3, 64).rows(0).tolist()) == {0, 1, 2}


def test_initial_weights_come_from_seed_and_name() -> None:
    draws = {
        (seed, name): torch.rand(1, generator=init_generators([9, seed])(name)[1]).item()
        for seed in (0, 1)
        for name in ("value", "q1")
    }
    assert len(set(draws.values())) == 4
    again = torch.rand(1, generator=init_generators([1])("q1")[0]).item()
    assert again == draws[1, "q1"]


def test_no_global_generator_is_read_or_moved() -> None:
    from tiny_cells import random_dataset, values

    from qdot.training.trainer import Trainer

    def contents(global_seed: int) -> bytes:
        torch.manual_seed(global_seed)
        np.random.seed(global_seed)  # noqa: NPY002
        before = torch.get_rng_state()
        trainer = Trainer("qdot", values("qdot", actor_dropout=0.1), random_dataset(), [0])
        trainer.advance()
        assert torch.equal(torch.get_rng_state(), before)
        return trainer.policies()[0]

    assert contents(1) == contents(2)
