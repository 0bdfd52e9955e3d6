"""Q-DOT's loss of the transport map, as pure functions: the algorithm and the synthetic studies share them."""

import torch
from torch import Tensor

ACTION_BOUND = 1.0  # actions live in the box [-1, 1]
FLOOR = 1e-6  # of the norms that lambda divides by
Q_SCALES = ("one", "mean_q", "gradient_norm")
COSTS = ("squared", "distance")


def clip_to_box(mapped: Tensor) -> Tensor:
    """T(s, a) as it is executed: clipped to the box of actions. Q sees this, the cost sees the unclipped map."""
    return mapped.clamp(-ACTION_BOUND, ACTION_BOUND)


def transport_cost(mapped: Tensor, actions: Tensor) -> Tensor:
    """E |T(s, a) - a|^2 over the batch: (seeds, batch, action) twice -> (seeds,). It estimates W2^2(beta, T # beta)."""
    return (mapped - actions).square().sum(-1).mean(-1)


def distance_cost(mapped: Tensor, actions: Tensor) -> Tensor:
    """E |T(s, a) - a| over the batch: (seeds, batch, action) twice -> (seeds,). Its gradient at T = a is taken as 0.

    An upper bound of W1(beta, T # beta), never W1 itself beyond one dimension: the gradient of a convex function is
    optimal for the squared cost, and optimal for this one only where the action is one number.
    """
    return displacement(mapped, actions).mean(-1)


def mean_cost(cost: str, mapped: Tensor, actions: Tensor) -> Tensor:
    """The cost of a name in `COSTS`, (seeds,)."""
    return {"squared": transport_cost, "distance": distance_cost}[cost](mapped, actions)


def transport_loss(q_values: Tensor, cost: Tensor, q_weight: Tensor | float, transport_weight: float) -> Tensor:
    """E[-lambda Q(s, clip(T)) + alpha |T - a|^2] (paper.md, section 2).

    Args:
        q_values: Q at the clipped map, (seeds, batch).
        cost: What the unclipped map pays, (seeds,): `transport_cost`, or another distance from the behaviour policy.
        q_weight: lambda, a number or (seeds,), detached from the graph.
        transport_weight: alpha.

    Returns:
        The loss of each seed, (seeds,).
    """
    return transport_weight * cost - q_weight * q_values.mean(-1)


def displacement(mapped: Tensor, actions: Tensor) -> Tensor:
    """|T(s, a) - a| of each row: (seeds, batch, action) twice -> (seeds, batch)."""
    return torch.linalg.vector_norm(mapped - actions, dim=-1)


def q_weight(scale: str, q: Tensor, slope: Tensor) -> Tensor:
    """The weight lambda of Q in a loss of a policy, detached.

    Args:
        scale: `one`; `mean_q`, 1 / E|Q| (TD3+BC); or `gradient_norm`, 1 / E||grad_a Q||: the displacement is then
            about 1 / (2 alpha) whatever the task.
        q: Q where the policy acts, (seeds, batch).
        slope: grad_a Q there, (seeds, batch, act).

    Returns:
        (seeds,).
    """
    if scale == "one":
        return torch.ones_like(q[:, 0])
    size = q.detach().abs() if scale == "mean_q" else slope.detach().square().sum(dim=-1).sqrt()
    return 1 / size.mean(dim=-1).clamp(min=FLOOR)
