"""The squared 2-distance between behaviour and policy by its dual, smoothed by a quadratic term.

For one state, with x ~ beta, t ~ pi drawn independently and c = |x - t|^2, Kantorovich's dual is

    W2^2(beta, pi) = sup E f(x) + E g(t)   over   f(x) + g(t) <= c(x, t).

As a penalty the constraint makes a smooth concave problem without constraint:

    F(f, g) = E f(x) + E g(t) - E max(0, f(x) + g(t) - c(x, t))^2 / (2 epsilon).

Its maximum is min over couplings pi of  E_pi c + (epsilon / 2) E (d pi / d(beta x pi))^2: write the square as the sup
over rho >= 0 of rho (f + g - c) - epsilon rho^2 / 2 and swap sup and inf; f and g then force the marginals of rho on
those of beta and pi (Blondel et al. 2018). So F lies above W2^2, by epsilon / 2 times the coupling's mean squared
density, and tends to it with epsilon. By Danskin's theorem, with f and g at the maximum and held, the derivative of F
in t is that of the smoothed distance: what a policy goes down. Networks f(s, .), g(s, .) solve all states at once: the
expectation over s of the maxima is the maximum of the expectation.

x and t must be independent given s. The data hold one action per state, and T(s, a) depends on it: x is therefore a
sample of the behaviour model, at the same state.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from qdot.algorithms.networks import MLP, Step
from qdot.algorithms.optimiser import Adam


class SquaredDual(nn.Module):
    """f(s, x) and g(s, t), two ReLU networks per seed as members of one batched network.

    Attributes:
        network: f and g, seed-major.
        epsilon: Of the smoothing.
    """

    def __init__(
        self,
        generators: Sequence[torch.Generator],
        observation_dim: int,
        action_dim: int,
        hidden: Sequence[int],
        epsilon: float,
    ) -> None:
        """Draw f, then g, from each seed's generator."""
        super().__init__()
        self.epsilon = epsilon
        members = [generator for generator in generators for _ in range(2)]
        self.network = MLP(members, observation_dim + action_dim, hidden, 1)

    def dual(self, observations: Tensor, sources: Tensor, images: Tensor) -> Tensor:
        """F, (seeds,): the estimate of E_s W2^2, from above at the maximum, and what a policy goes down in `images`.

        Args:
            observations: (seeds, batch, obs).
            sources: x, samples of the behaviour policy in these states, (seeds, batch, act).
            images: t, the policy's actions in these states, independent of x, (seeds, batch, act).
        """
        both = torch.stack([sources, images], dim=1)  # (seeds, 2, batch, act)
        states = observations.unsqueeze(1).expand(-1, 2, -1, -1)
        potentials = self.network(torch.cat([states, both], dim=-1).flatten(0, 1)).view(-1, 2, images.shape[1])
        total = potentials.sum(dim=1)  # f + g, (seeds, batch)
        excess = (total - (sources - images).square().sum(dim=-1)).clamp(min=0)
        return (total - excess.square() / (2 * self.epsilon)).mean(dim=-1)

    def fit(
        self,
        optimiser: Adam,
        observations: Tensor,
        sources_of: Callable[[Step], Tensor],
        images: Tensor,
        turns: Sequence[Step],
    ) -> dict[str, Tensor]:
        """One step of f and g up F per turn, each with fresh sources `sources_of(turn)`.

        Returns:
            `discriminator_loss`, -F, and `w2_squared_estimate`, F, of the last turn, (seeds,) each.
        """
        info: dict[str, Tensor] = {}
        for turn in turns:
            estimate = self.dual(observations, sources_of(turn), images.detach())
            info = optimiser.minimise({"discriminator_loss": -estimate})
            info["w2_squared_estimate"] = estimate.detach()
        return info
