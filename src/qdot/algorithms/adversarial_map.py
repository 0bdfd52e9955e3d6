"""A map as `no_icnn`'s, held near the behaviour policy by an adversary instead of the cost of its own moves.

Against `adversarial` it changes the policy class alone, against `no_icnn` the estimate of the distance alone.
"""

from dataclasses import dataclass

from torch import Tensor

from qdot.algorithms.base import Batch, Generators
from qdot.algorithms.discriminator import Discriminator
from qdot.algorithms.maps import RUNGS
from qdot.algorithms.networks import Noise, Step, turns
from qdot.algorithms.optimiser import Adam
from qdot.algorithms.pushforward import PushForward, PushForwardConfig
from qdot.algorithms.squared_dual import SquaredDual


@dataclass(frozen=True, kw_only=True)
class AdversarialMapConfig(PushForwardConfig):
    """Values of the adversarial map.

    Attributes:
        rung: `shift`, `affine`, `potential` or `icnn`: see `qdot.algorithms.maps`.
        dual: `w1`, the 1-distance under a gradient penalty; or `w2`, the squared 2-distance, smoothed.
        discriminator_steps: Steps of the dual per step of the map.
        discriminator_learning_rate: Of the dual.
        penalty_weight: Of the gradient penalty of `w1`.
        dual_smoothing: epsilon of `w2`.
    """

    rung: str
    dual: str
    discriminator_steps: int
    discriminator_learning_rate: float
    penalty_weight: float
    dual_smoothing: float

    def __post_init__(self) -> None:
        """Check the values."""
        super().__post_init__()
        self._check("rung", *RUNGS)
        self._check("dual", "w1", "w2")


class AdversarialMap(PushForward):
    """The map climbs Q and pays for a distance that a dual network estimates between beta and T # beta."""

    name = "adversarial_map"
    Config = AdversarialMapConfig
    config: AdversarialMapConfig

    def __init__(
        self, config: AdversarialMapConfig, observation_dim: int, action_dim: int, generators: Generators
    ) -> None:
        """Build the dual beside the policy."""
        super().__init__(config, observation_dim, action_dim, generators)
        shape = (generators("discriminator"), observation_dim, action_dim, config.hidden)
        self.discriminator: Discriminator | SquaredDual
        if config.dual == "w1":
            self.discriminator = Discriminator(*shape, config.penalty_weight)
        else:
            self.discriminator = SquaredDual(*shape, config.dual_smoothing)
            self.source_noise = Noise(generators("dual_sources"))

    @property
    def rung(self) -> str:
        """As configured."""
        return self.config.rung

    def turns(self, step: Step) -> list[Step]:
        """Numbers of the draws of a step: one per step of the dual, and the last for the map."""
        return turns(step, self.config.discriminator_steps + 1)

    def sources(self, observations: Tensor, turn: Step) -> Tensor:
        """Samples of beta independent of T(s, a), for `w2`; (seeds, batch, act)."""
        return self.draw(observations, self.source_noise, turn)

    def distance(self, observations: Tensor, actions: Tensor, moved: Tensor, step: Step) -> Tensor:
        """The dual's estimate at f (and g) as they are: E_s W1(beta, T # beta), or E_s W2^2."""
        if isinstance(self.discriminator, SquaredDual):
            actions = self.sources(observations, self.turns(step)[-1])
        return self.discriminator.dual(observations, actions, moved)

    def prepare(self) -> None:
        """Make the optimisers."""
        super().prepare()
        self.optimisers["discriminator"] = Adam([self.discriminator], self.config.discriminator_learning_rate)

    def fit_distance(self, batch: Batch, moved: Tensor, step: Step) -> dict[str, Tensor]:
        """Steps of the dual against the map as it is."""
        optimiser, states, turns = self.optimisers["discriminator"], batch.observations, self.turns(step)[:-1]
        if isinstance(self.discriminator, SquaredDual):
            return self.discriminator.fit(optimiser, states, lambda turn: self.sources(states, turn), moved, turns)
        return self.discriminator.fit(optimiser, batch, lambda turn: moved, turns)
