"""Q-DOT (Omura et al. 2025): IQL's critic, and a policy that is the behaviour policy pushed through a convex gradient.

The map's loss, lambda, the readouts and every other value marked [C] in params.yaml are our reading
(docs/algorithms.md, docs/deviations.md).
"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from qdot.algorithms.networks import Step
from qdot.algorithms.pushforward import PushForward, PushForwardConfig
from qdot.algorithms.transport_loss import COSTS, mean_cost


@dataclass(frozen=True, kw_only=True)
class QDOTConfig(PushForwardConfig):
    """Values of Q-DOT.

    Attributes:
        cost: `squared`, E||T - a||^2; or `distance`, E||T - a||, beyond one dimension an upper bound of W1 only.
    """

    cost: str

    def __post_init__(self) -> None:
        """Check the values."""
        super().__post_init__()
        self._check("cost", *COSTS)


class QDOT(PushForward):
    """The map T(s, .) = grad_a psi(s, .) climbs Q and pays for squared displacement of the data's actions."""

    name = "qdot"
    Config: ClassVar[type[QDOTConfig]] = QDOTConfig
    config: QDOTConfig

    @property
    def rung(self) -> str:
        """The gradient of a convex potential."""
        return "icnn"

    def distance(self, observations: Tensor, actions: Tensor, moved: Tensor, step: Step) -> Tensor:
        """E ||T(s, a) - a||^2, which is W2^2 because T is the gradient of a convex function; or the other cost."""
        return mean_cost(self.config.cost, moved, actions)
