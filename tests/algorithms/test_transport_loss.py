"""The loss of the map against numbers worked out by hand."""

import torch

from qdot.algorithms.transport_loss import clip_to_box, displacement, transport_cost, transport_loss

ACTIONS = torch.tensor([[[0.0, 0.0], [0.5, -0.5]]])
MAPPED = torch.tensor([[[0.3, 0.4], [1.5, -0.5]]])


def test_cost_is_the_mean_squared_length_of_the_unclipped_move() -> None:
    torch.testing.assert_close(transport_cost(MAPPED, ACTIONS), torch.tensor([(0.25 + 1.0) / 2]))
    torch.testing.assert_close(displacement(MAPPED, ACTIONS), torch.tensor([[0.5, 1.0]]))


def test_only_what_leaves_the_box_is_clipped() -> None:
    torch.testing.assert_close(clip_to_box(MAPPED), torch.tensor([[[0.3, 0.4], [1.0, -0.5]]]))


def test_loss_weighs_value_against_cost_per_seed() -> None:
    q_values = torch.tensor([[1.0, 3.0], [0.0, 4.0]])
    loss = transport_loss(q_values, torch.tensor([0.5, 0.25]), torch.tensor([2.0, 1.0]), 4.0)
    torch.testing.assert_close(loss, torch.tensor([-2.0, -1.0]))


def test_an_image_outside_the_box_is_still_pulled_back() -> None:
    mapped = MAPPED.clone().requires_grad_()
    q_values = clip_to_box(mapped).sum(-1)
    transport_loss(q_values, transport_cost(mapped, ACTIONS), 1.0, 1.0).sum().backward()
    assert mapped.grad is not None
    torch.testing.assert_close(mapped.grad[0, 1, 0], torch.tensor(1.0))  # 2 (1.5 - 0.5) / 2 rows, and nothing from Q
