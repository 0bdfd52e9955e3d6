"""What every policy shares that climbs IQL's Q and pays for leaving the data, with a map or without one."""

from dataclasses import dataclass

from qdot.algorithms.critic import CriticConfig
from qdot.algorithms.transport_loss import Q_SCALES


@dataclass(frozen=True, kw_only=True)
class ClimbConfig(CriticConfig):
    """Values of a policy that climbs Q and pays for leaving the data.

    Attributes:
        transport_weight: alpha, of the price.
        q_scale: lambda: `one`; `mean_q`, 1 / E|Q|; `gradient_norm`, 1 / E||grad_a Q||, detached.
        twin_q: The policy climbs the `min` or `mean` of the online twins.
        actor_dropout: Rate after each hidden layer of the policies.
    """

    transport_weight: float
    q_scale: str
    twin_q: str
    actor_dropout: float

    def __post_init__(self) -> None:
        """Check the values."""
        super().__post_init__()
        self._check("q_scale", *Q_SCALES)
        self._check("twin_q", "min", "mean")
