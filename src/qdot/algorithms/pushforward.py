"""Every policy that is the behaviour policy pushed through a map: critic, map, behaviour model, readouts, update.

Q-DOT, its ablation and the adversarial map differ in the map and in the distance that it pays for, and in nothing else.
"""

from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from qdot.algorithms.actor_critic import ActorCritic, Improved
from qdot.algorithms.base import Batch, Generators
from qdot.algorithms.behaviour import GaussianPolicy
from qdot.algorithms.climbing import ClimbConfig
from qdot.algorithms.ladder import MapConfig, build_map
from qdot.algorithms.mixture import MixturePolicy
from qdot.algorithms.networks import Noise, Step
from qdot.algorithms.optimiser import Adam
from qdot.algorithms.transport_loss import clip_to_box, displacement, q_weight, transport_loss


@dataclass(frozen=True, kw_only=True)
class PushForwardConfig(ClimbConfig, MapConfig):
    """Values of a policy of this kind.

    Attributes:
        map_critic: Of the `online` or the `target` twins.
        map_actions: The map is trained on the actions of the `dataset`, or on samples of the `behaviour` model.
        map_learning_rate: Of the map; None: the learning rate of everything else.
        behaviour: Behaviour model: `gaussian` or `mixture`.
        behaviour_components: Of the mixture.
        behaviour_holdout: Keep `Batch.held_out` from the behaviour model.
        distill_target: The distilled policy fits the `unclipped` or the `clipped` T(s, a).
        best_of_n: Candidates of that readout.
    """

    map_critic: str
    map_actions: str
    map_learning_rate: float | None
    behaviour: str
    behaviour_components: int
    behaviour_holdout: bool
    distill_target: str
    best_of_n: int

    def __post_init__(self) -> None:
        """Check the values."""
        super().__post_init__()
        self._check("map_critic", "online", "target")
        self._check("map_actions", "dataset", "behaviour")
        self._check("behaviour", "gaussian", "mixture")
        self._check("distill_target", "unclipped", "clipped")


class PushForward(ActorCritic):
    """A map T(s, .) climbs Q and pays for the distance between the behaviour policy and its image.

    Attributes:
        critic: IQL's.
        map: T; `map.gradient(states, actions)`.
        behaviour: Model of the data's actions.
        distilled: Gaussian fitted to T(s, a).
    """

    readouts = ("map", "map_sample", "distill", "best_of_n", "best_of_n_without_map")
    config: PushForwardConfig
    reads_value = False

    def __init__(
        self, config: PushForwardConfig, observation_dim: int, action_dim: int, generators: Generators
    ) -> None:
        """Build map, behaviour policy and distilled policy."""
        super().__init__(config, observation_dim, action_dim, generators)
        sizes = observation_dim, action_dim
        self.map = build_map(self.rung, config, generators("map"), *sizes)
        self.behaviour: GaussianPolicy | MixturePolicy
        shape = (*sizes, config.hidden, config.actor_dropout)
        if config.behaviour == "gaussian":
            self.behaviour = GaussianPolicy(generators("behaviour"), *shape)
        else:
            self.behaviour = MixturePolicy(generators("behaviour"), *shape, config.behaviour_components)
        self.distilled = GaussianPolicy(generators("distilled"), *shape)
        if config.map_actions == "behaviour":
            self.map_noise = Noise(generators("map_actions"))

    @property
    @abstractmethod
    def rung(self) -> str:
        """Which map, one of `maps.RUNGS`."""

    @abstractmethod
    def distance(self, observations: Tensor, actions: Tensor, moved: Tensor, step: Step) -> Tensor:
        """What the map T pays for, with `moved` = T(s, a) in the graph; (seeds,)."""

    def fit_distance(self, batch: Batch, moved: Tensor, step: Step) -> dict[str, Tensor]:
        """Steps of a network that estimates the distance, where there is one, at `moved` = T(s, a), detached.

        Returns terms (seeds,) by name, as `improve`.
        """
        return {}

    def behaviour_loss(self, batch: Batch, step: Step) -> Tensor:
        """-E_D log beta(a | s), over rows that are not held out; per seed."""
        loss = -self.behaviour.log_likelihood(batch.observations, batch.actions, step)
        if not self.config.behaviour_holdout:
            return loss.mean(dim=-1)
        kept = 1 - batch.held_out
        return (loss * kept).sum(dim=-1) / kept.sum(dim=-1).clamp(min=1)

    def distill_loss(self, batch: Batch, moved: Tensor, step: Step) -> Tensor:
        """-E_D log pi(T(s, a) | s), T fixed; per seed."""
        target = clip_to_box(moved) if self.config.distill_target == "clipped" else moved
        return -self.distilled.log_likelihood(batch.observations, target.detach(), step).mean(dim=-1)

    def map_loss(self, batch: Batch, actions: Tensor, moved: Tensor, step: Step) -> tuple[Tensor, dict[str, Tensor]]:
        """E[ -lambda Q(s, clip T(s, a)) ] + alpha distance; per seed, with what it measured."""
        config, clipped = self.config, clip_to_box(moved)
        q, slope = self.critic.linearised_q(batch.observations, clipped, config.twin_q, config.map_critic)
        scale = q_weight(config.q_scale, q, slope)  # (seeds,)
        distance = self.distance(batch.observations, actions, moved, step)
        loss = transport_loss(q, distance, scale, config.transport_weight)
        moves = displacement(moved.detach(), actions)  # (seeds, batch)
        info = {"q_value": q.detach().mean(dim=-1), "q_scale": scale, "transport_cost": moves.square().mean(dim=-1)}
        info["clipped_share"] = (moved.detach() != clipped.detach()).any(dim=-1).float().mean(dim=-1)
        return loss, info | quantiles(moves)

    def prepare(self) -> None:
        """Make the optimisers."""
        rate = self.config.learning_rate
        self.optimisers = self.critic.prepare() | {
            "map": Adam([self.map], self.config.map_learning_rate or rate),
            "policies": Adam([self.behaviour, self.distilled], rate),
        }

    def improve(self, batch: Batch, target_q: Tensor, step: Step) -> Improved:
        """One step of the map (Q, fitted distance); and T(s, a) as it was before, detached."""
        actions = self.map_inputs(batch, step)
        moved = self.map.gradient(batch.observations, actions)  # (seeds, batch, act)
        fitted = self.fit_distance(batch, moved.detach(), step)
        map_loss, measured = self.map_loss(batch, actions, moved, step)
        info = self.optimisers["map"].minimise({"transport_loss": map_loss}, self.actor_rate(step))
        return fitted | info | measured, moved.detach()

    def imitate(self, batch: Batch, moved: Tensor, step: Step) -> dict[str, Tensor]:
        """One step of the behaviour and distilled policies."""
        losses = {"behaviour_loss": self.behaviour_loss(batch, step)}
        losses["distill_loss"] = self.distill_loss(batch, moved, step)
        return self.optimisers["policies"].minimise(losses, self.actor_rate(step))

    def map_inputs(self, batch: Batch, step: Step) -> Tensor:
        """The actions that the map is trained on, (seeds, batch, act)."""
        if self.config.map_actions == "dataset":
            return batch.actions
        return self.draw(batch.observations, self.map_noise, step)

    @torch.no_grad()
    def draw(self, observations: Tensor, noise: Noise, turn: Step) -> Tensor:
        """One sample of the behaviour model per row, (seeds, batch, act), from the noise of that turn."""
        normal = noise.normal(observations.shape[1], self.behaviour.noise_width, turn)
        return self.behaviour.sample(observations, normal.unsqueeze(2)).squeeze(2)

    def transport(self, observations: Tensor, actions: Tensor) -> Tensor:
        """The clipped T(s, a), (seeds, n, act)."""
        return clip_to_box(self.map.gradient(observations, actions))

    def noise_shape(self, readout: str) -> tuple[int, ...]:
        """(samples, numbers per sample) of a readout that samples the behaviour model; () otherwise."""
        samples = {"map_sample": 1, "best_of_n": self.config.best_of_n, "best_of_n_without_map": self.config.best_of_n}
        return (samples[readout], self.behaviour.noise_width) if readout in samples else ()

    def act(self, observations: Tensor, readout: str, noise: Tensor | None = None) -> Tensor:
        """`map`: clip T(s, mean of beta); `map_sample`: of a sample; `distill`: mean of pi; `best_of_n`: see there."""
        if readout == "distill":
            return self.distilled.mean(observations)
        if readout == "map":
            return self.transport(observations, self.behaviour.mean(observations))
        if noise is None:
            raise ValueError(f"readout {readout!r} needs noise of shape (seeds, n, {self.noise_shape(readout)})")
        candidates = self.behaviour.sample(observations, noise)  # (seeds, n, samples, act)
        if readout == "map_sample":
            return self.transport(observations, candidates.squeeze(2))
        return self.best_of_n(observations, candidates, mapped=readout == "best_of_n")

    def best_of_n(self, observations: Tensor, candidates: Tensor, mapped: bool) -> Tensor:
        """The argmax over candidates a_i of min_j Q_j(s, t_i), t_i = clip T(s, a_i), or a_i itself."""
        shape = candidates.shape
        states = observations.unsqueeze(2).expand(*shape[:3], -1).flatten(1, 2)
        actions = candidates.flatten(1, 2)
        actions = self.transport(states, actions) if mapped else actions
        q = self.critic.min_q(states, actions).view(shape[:3])
        best = q.argmax(dim=2, keepdim=True).unsqueeze(-1).expand(-1, -1, -1, shape[-1])
        return actions.view(shape).gather(2, best).squeeze(2)


def quantiles(displacements: Tensor) -> dict[str, Tensor]:
    """Quantiles .1, .5 and .9 (nearest rank) of ||T(s, a) - a|| over the batch: (seeds, batch) to (seeds,) each."""
    ordered = displacements.sort(dim=-1).values
    last = ordered.shape[-1] - 1
    return {f"displacement_q{q}": ordered[:, round(q / 100 * last)] for q in (10, 50, 90)}
