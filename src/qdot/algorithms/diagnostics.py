"""What a map and a policy do at given states: pure functions, for the curves of training and for the last checkpoint.

Shapes as everywhere: states (seeds, n, obs), actions (seeds, n, act); a result is (seeds,).
"""

from collections.abc import Callable

import torch
from torch import Tensor

Map = Callable[[Tensor, Tensor], Tensor]  # states, actions -> moved actions


def jacobians(move: Map, states: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """T(s, a) and its Jacobian in a, (seeds, n, act, act); row i is the gradient of the i-th coordinate."""
    with torch.enable_grad():
        actions = actions.detach().requires_grad_()
        moved = move(states, actions)
        rows = [
            torch.autograd.grad(coordinate.sum(), actions, retain_graph=True)[0] for coordinate in moved.unbind(dim=-1)
        ]
    return moved.detach(), torch.stack(rows, dim=-2)


def asymmetry(jacobian: Tensor) -> Tensor:
    """||J - J'|| / ||J - I|| in Frobenius norms over the batch: 0 for a gradient; 0 too for the identity."""
    identity = torch.eye(jacobian.shape[-1], device=jacobian.device)
    skew = (jacobian - jacobian.mT).square().sum(dim=(-3, -2, -1))
    moved = (jacobian - identity).square().sum(dim=(-3, -2, -1))
    return (skew / moved.clamp(min=1e-12)).sqrt()


def monotone_violations(move: Map, states: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Share of pairs of actions at one state with <T(a) - T(b), a - b> < 0: never, for the gradient of a convex psi."""
    difference = move(states, first) - move(states, second)
    return ((difference * (first - second)).sum(dim=-1) < 0).float().mean(dim=-1)


def pushed_divergence(
    log_density: Callable[[Tensor, Tensor], Tensor], moved: Tensor, jacobian: Tensor, states: Tensor, actions: Tensor
) -> Tensor:
    """KL(T # beta || beta) from actions a ~ beta: E[log beta(a) - log |det DT(a)| - log beta(T(a))].

    The change of variables is exact for a map that is injective at each state, as Q-DOT's is (c(s) > 0); for a free
    map the number is formal. It is the divergence of the training law, not of what a readout executes.

    Args:
        log_density: log beta(a | s), (seeds, n).
        moved: T(s, a).
        jacobian: Of T at (s, a), (seeds, n, act, act).
        states: s.
        actions: a, drawn from beta.
    """
    volume = torch.linalg.slogdet(jacobian).logabsdet
    return (log_density(states, actions) - volume - log_density(states, moved)).mean(dim=-1)


def distance_to_behaviour(executed: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    """E_s W2^2(beta(. | s), Dirac at the action) = E_s[|mean - a|^2 + tr Cov]: exact for a deterministic policy.

    Args:
        executed: The policy's action.
        mean: E_beta[a | s].
        variance: Diagonal of Cov_beta(a | s).
    """
    return ((executed - mean).square() + variance).sum(dim=-1).mean(dim=-1)


def standard_distance(executed: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    """Root mean square over states and coordinates of (a - mean) / sd under beta: about 1 for beta's own actions."""
    return ((executed - mean).square() / variance).mean(dim=(-2, -1)).sqrt()


def displacement_over_sd(moved: Tensor, actions: Tensor, variance: Tensor) -> Tensor:
    """Median over the batch (nearest rank, lower) of ||T(s, a) - a|| / sqrt(tr Cov_beta(a | s))."""
    ratio = (moved - actions).square().sum(dim=-1).sqrt() / variance.sum(dim=-1).sqrt()
    return ratio.sort(dim=-1).values[..., (ratio.shape[-1] - 1) // 2]  # `median` is not deterministic on a GPU
