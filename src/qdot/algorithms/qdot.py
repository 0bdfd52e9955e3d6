"""Q-DOT (Omura et al. 2025): IQL's critic, and a policy that is the behaviour policy pushed through a convex gradient.

The map's loss, lambda, the readouts and every other value marked [C] in params.yaml are our reading
(docs/algorithms.md, docs/deviations.md).
"""

from dataclasses import dataclass

from torch import Tensor

from qdot.algorithms.base import Algorithm, Batch, Generators
from qdot.algorithms.behaviour import GaussianPolicy
from qdot.algorithms.critic import Critic, CriticConfig, pairs
from qdot.algorithms.icnn import PartiallyConvexPotential
from qdot.algorithms.optimiser import Adam
from qdot.algorithms.transport_loss import Q_SCALES, clip_to_box, displacement, q_weight, transport_cost, transport_loss


@dataclass(frozen=True, kw_only=True)
class QDOTConfig(CriticConfig):
    """Values of Q-DOT.

    Attributes:
        transport_weight: alpha, of the squared transport cost.
        q_scale: lambda: `one`; `mean_q`, 1 / E|Q|; `gradient_norm`, 1 / E||grad_a Q||. Both at clip(T(s, a)), detached.
        twin_q: The map climbs the `min` or `mean` of the online twins.
        icnn_hidden: Hidden widths of the potential.
        icnn_activation: `softplus` or `elu`.
        softplus_beta: Sharpness of the softplus.
        min_quadratic: Lower bound of c(s).
        best_of_n: Candidates of that readout.
        actor_dropout: Rate after each hidden layer of the behaviour and distilled policies.
    """

    transport_weight: float
    q_scale: str
    twin_q: str
    icnn_hidden: tuple[int, ...]
    icnn_activation: str
    softplus_beta: float
    min_quadratic: float
    best_of_n: int
    actor_dropout: float

    def __post_init__(self) -> None:
        """Check the values."""
        super().__post_init__()
        self._check("q_scale", *Q_SCALES)
        self._check("twin_q", "min", "mean")
        self._check("icnn_activation", "softplus", "elu")
        self._check_widths("icnn_hidden")


class QDOT(Algorithm):
    """The map T(s, .) = grad_a psi(s, .) climbs Q and pays for squared displacement of the data's actions."""

    name = "qdot"
    readouts = ("map", "distill", "best_of_n", "best_of_n_without_map")
    Config = QDOTConfig
    config: QDOTConfig

    def __init__(self, config: QDOTConfig, observation_dim: int, action_dim: int, generators: Generators) -> None:
        """Build critic, potential, behaviour policy and distilled policy."""
        super().__init__(config, observation_dim, action_dim, generators)
        self.critic = Critic(config, observation_dim, action_dim, generators)
        self.potential = PartiallyConvexPotential(
            generators("potential"),
            observation_dim,
            action_dim,
            config.icnn_hidden,
            config.icnn_activation,
            config.softplus_beta,
            config.min_quadratic,
        )
        shape = (observation_dim, action_dim, config.hidden, config.actor_dropout)
        self.behaviour = GaussianPolicy(generators("behaviour"), *shape)
        self.distilled = GaussianPolicy(generators("distilled"), *shape)

    def behaviour_loss(self, batch: Batch, step: int) -> Tensor:
        """-E_D log beta(a | s); per seed."""
        return -self.behaviour.log_likelihood(batch.observations, batch.actions, step).mean(dim=-1)

    def distill_loss(self, batch: Batch, moved: Tensor, step: int) -> Tensor:
        """-E_D log pi(T(s, a) | s), T fixed; per seed."""
        return -self.distilled.log_likelihood(batch.observations, moved.detach(), step).mean(dim=-1)

    def transport_loss(self, batch: Batch, moved: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """E_D[ -lambda Q(s, clip T(s, a)) + alpha ||T(s, a) - a||^2 ]; per seed, with what it measured."""
        clipped, cost = clip_to_box(moved), transport_cost(moved, batch.actions)
        q, slope = self.critic.linearised_q(batch.observations, clipped, self.config.twin_q)
        scale = q_weight(self.config.q_scale, q, slope)  # (seeds,)
        loss = transport_loss(q, cost, scale, self.config.transport_weight)
        info = {"q_value": q.mean(dim=-1), "q_scale": scale, "transport_cost": cost}
        info["clipped_share"] = (moved != clipped).any(dim=-1).float().mean(dim=-1)
        info |= quantiles(displacement(moved, batch.actions))
        return loss, {name: value.detach() for name, value in info.items()}

    def prepare(self) -> None:
        """Make the optimisers."""
        actors = Adam([self.potential, self.behaviour, self.distilled], self.config.learning_rate)
        self.optimisers = self.critic.prepare() | {"actors": actors}

    def update(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """One step: V (target Q), map and policies (Q), Q (new V), target Q (new Q)."""
        inputs = pairs(batch.observations, batch.actions)
        target_q = self.critic.target_q(inputs)
        info = self.optimisers["value"].minimise({"value_loss": self.critic.value_loss(batch, target_q)})
        moved = self.potential.gradient(batch.observations, batch.actions)  # (seeds, batch, act)
        transport_loss, measured = self.transport_loss(batch, moved)
        losses = {
            "transport_loss": transport_loss,
            "behaviour_loss": self.behaviour_loss(batch, step),
            "distill_loss": self.distill_loss(batch, moved, step),
        }
        info |= self.optimisers["actors"].minimise(losses, self.actor_rate(step))
        info |= self.optimisers["q"].minimise({"q_loss": self.critic.q_loss(batch, inputs)})
        self.critic.track_target()
        return info | measured

    def transport(self, observations: Tensor, actions: Tensor) -> Tensor:
        """The clipped T(s, a), (seeds, n, act)."""
        return clip_to_box(self.potential.gradient(observations, actions))

    def noise_shape(self, readout: str) -> tuple[int, ...]:
        """(candidates, act) for the best of n; () otherwise."""
        return (self.config.best_of_n, self.action_dim) if readout.startswith("best_of_n") else ()

    def act(self, observations: Tensor, readout: str, noise: Tensor | None = None) -> Tensor:
        """`map`: clip T(s, mean of beta); `distill`: mean of pi; `best_of_n`: see `best_of_n`."""
        if readout == "distill":
            return self.distilled.mean(observations)
        if readout == "map":
            return self.transport(observations, self.behaviour.mean(observations))
        if noise is None:
            raise ValueError(f"readout {readout!r} needs noise of shape (seeds, n, {self.noise_shape(readout)})")
        return self.best_of_n(observations, noise, mapped=readout == "best_of_n")

    def best_of_n(self, observations: Tensor, noise: Tensor, mapped: bool) -> Tensor:
        """The argmax over samples a_i of beta of min_j Q_j(s, t_i), t_i = clip T(s, a_i), or a_i itself."""
        candidates = self.behaviour.sample(observations, noise)  # (seeds, n, candidates, act)
        shape = candidates.shape
        states = observations.unsqueeze(2).expand(*shape[:3], -1).flatten(1, 2)
        actions = candidates.flatten(1, 2)
        actions = self.transport(states, actions) if mapped else actions
        q = self.critic.q(pairs(states, actions)).amin(dim=1).view(shape[:3])
        best = q.argmax(dim=2, keepdim=True).unsqueeze(-1).expand(-1, -1, -1, shape[-1])
        return actions.view(shape).gather(2, best).squeeze(2)


def quantiles(displacements: Tensor) -> dict[str, Tensor]:
    """Quantiles .1, .5 and .9 (nearest rank) of ||T(s, a) - a|| over the batch: (seeds, batch) to (seeds,) each."""
    ordered = displacements.detach().sort(dim=-1).values
    last = ordered.shape[-1] - 1
    return {f"displacement_q{q}": ordered[:, round(q / 100 * last)] for q in (10, 50, 90)}
