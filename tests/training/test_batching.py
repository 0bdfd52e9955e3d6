"""Batching over seeds is an execution detail: the bits of a seed, and the number of products, do not show it."""

from collections import Counter
from typing import Any

import pytest
import torch
from tiny_cells import random_dataset, values, with_dropout
from torch.utils._python_dispatch import TorchDispatchMode

from qdot.algorithms import registry
from qdot.training.loop import threads
from qdot.training.trainer import Trainer

CELLS: list[tuple[str, dict[str, Any], dict[str, Any], tuple[int, int]]] = [
    (name, {"hidden": hidden, "batch_size": rows}, with_dropout(name, dropout), widths)
    for name in registry.BUILT_IN
    for hidden, rows, dropout, widths in [([32, 32], 64, 0.0, (3, 1)), ([64, 32], 96, 0.1, (5, 3))]
]
ALTERNATIVES: list[tuple[str, dict[str, Any], dict[str, Any], tuple[int, int]]] = [
    ("qdot", {}, {"icnn_activation": "elu", "q_scale": "mean_q", "twin_q": "mean"}, (17, 6)),
    ("qdot", {"value_layer_norm": True}, {"icnn_form": "joint", "icnn_weights": "projection"}, (5, 3)),
    ("qdot", {}, {"behaviour": "mixture", "map_actions": "behaviour", "map_critic": "target"}, (5, 3)),
    ("no_icnn", {}, {"rung": "shift", "cost": "distance", "distill_target": "clipped"}, (5, 3)),
    ("no_icnn", {}, {"rung": "potential", "map_learning_rate": 1.0e-3}, (5, 3)),
    ("adversarial_map", {}, {"dual": "w2", "behaviour": "mixture"}, (5, 3)),
]
CELLS += ALTERNATIVES


def run(name: str, train: dict[str, Any], own: dict[str, Any], widths: tuple[int, int], seeds: list[int]) -> Trainer:
    with threads(1):
        trainer = Trainer(name, values(name, train, **own), random_dataset(*widths), seeds)
        for _ in range(12):
            trainer.advance()
        trainer.inspect(log=True)
    return trainer


@pytest.mark.parametrize(("name", "train", "own", "widths"), CELLS)
def test_a_seed_alone_equals_the_same_seed_in_a_batch_bitwise(
    name: str, train: dict[str, Any], own: dict[str, Any], widths: tuple[int, int]
) -> None:
    batch = run(name, train, own, widths, list(range(8)))
    assert len({rows.rows[0][1][0] for rows in batch.curves.values()}) == 8  # seeds do differ
    for seeds in ([0], [5], [7], [2, 6], [3, 1, 4]):
        part = run(name, train, own, widths, seeds)
        policies, expected = part.policies(), batch.policies()
        for seed in seeds:
            assert policies[seed] == expected[seed]
            assert part.state(seed) == batch.state(seed)
            assert part.curves[seed].rows == batch.curves[seed].rows


class Products(TorchDispatchMode):
    """Counts matrix products."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = function.overloadpacket.__name__
        if name in ("bmm", "baddbmm", "mm", "addmm", "matmul", "linear", "einsum", "mv", "dot", "addmv"):
            self.calls[name] += 1
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_an_update_issues_as_many_products_for_eight_seeds_as_for_one(name: str) -> None:
    calls = []
    for seeds in ([0], list(range(8))):
        trainer = Trainer(name, values(name), random_dataset(), seeds)
        with Products() as products:
            trainer.advance()
        calls.append(products.calls)
    assert calls[0] == calls[1]
    assert set(calls[0]) == {"bmm", "baddbmm"}  # batched, never one per seed


def test_a_width_or_batch_that_would_break_this_is_refused() -> None:
    for train in ({"hidden": [48, 32]}, {"batch_size": 80}):
        with pytest.raises(Exception, match="multiple"):
            Trainer("bc", values("bc", train), random_dataset(), [0])


def test_gradients_of_one_seed_do_not_reach_another() -> None:
    trainer = Trainer("qdot", values("qdot"), random_dataset(), [0, 1])
    with torch.no_grad():
        for parameter in trainer.model.parameters():
            parameter.unflatten(0, (2, -1))[1] = float("nan")
    trainer.advance()
    for name, tensor in trainer.model.tensors_of(0):
        assert tensor.isfinite().all(), name
