"""Training with rounded factors of products, and acting without."""

import torch
from tiny_cells import random_dataset, values

from qdot.training.family import Member
from qdot.training.loop import train_family


def test_a_run_in_bfloat16_ends_near_the_exact_one_and_its_map_stays_monotone() -> None:
    ends = {}
    for precision in ("float32", "bfloat16"):
        cell = values("qdot", {"precision": precision, "learning_rate": 3.0e-3}, transport_weight=0.1)
        member = Member("qdot", cell, random_dataset(5, 3))
        train_family([member], [0, 1])
        assert member.trainer is not None
        ends[precision] = member.trainer.model
    states, first, second = torch.randn(2, 256, 5), torch.rand(2, 256, 3) * 2 - 1, torch.rand(2, 256, 3) * 2 - 1
    exact, rounded = (ends[precision].map.gradient(states, first) for precision in ("float32", "bfloat16"))
    assert not torch.equal(exact, rounded)
    torch.testing.assert_close(exact, rounded, rtol=0.05, atol=0.05)
    a, b = rounded, ends["bfloat16"].map.gradient(states, second)
    assert ((a - b) * (first - second)).sum(dim=-1).min() > 0
