"""What a step asks of a machine, counted beside what it does."""

from collections.abc import Callable
from types import ModuleType

from tiny_cells import random_dataset, values
from torch import nn

from qdot.training.family import Family, Member


def family(*names: str) -> Family:
    dataset = random_dataset(5, 3)
    return Family([Member(name, values(name), dataset) for name in names], [0, 1])


def numbers(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_bytes_are_ten_passes_of_what_is_trained_and_three_of_slow_copies(
    import_from: Callable[[str, str], ModuleType],
) -> None:
    limits = import_from("speed", "limits")
    alone = family("iql")
    trainer = alone.members[0].trainer
    assert trainer is not None
    slow = numbers(trainer.model.get_submodule("critic.target"))
    trained = numbers(trainer.model) - slow
    expected = 4 * (10 * trained + 3 * slow)
    found = limits.moved(alone)
    assert expected <= found < 1.2 * expected  # each weight begins at a multiple of 128 bytes
    assert found % 4 == 0


def test_a_critic_that_is_shared_counts_once(import_from: Callable[[str, str], ModuleType]) -> None:
    limits = import_from("speed", "limits")
    apart = limits.moved(family("iql")) + limits.moved(family("ddpg_bc"))
    assert limits.moved(family("iql", "ddpg_bc")) < 0.7 * apart
