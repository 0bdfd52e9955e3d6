"""Q-DOT without its convex network: the same loss on another rung of the ladder of maps (paper.md section 2)."""

from dataclasses import dataclass

from qdot.algorithms.maps import RUNGS
from qdot.algorithms.qdot import QDOT, QDOTConfig


@dataclass(frozen=True, kw_only=True)
class NoICNNConfig(QDOTConfig):
    """Values of the ablation.

    Attributes:
        rung: `shift` (a), `affine` (b), `potential` (c) or `icnn` (d): see `qdot.algorithms.maps`.
    """

    rung: str

    def __post_init__(self) -> None:
        """Check the values."""
        super().__post_init__()
        self._check("rung", *RUNGS)


class NoICNN(QDOT):
    """A free map of as many parameters; E||T - a||^2 is then only an upper bound of the distance."""

    name = "no_icnn"
    Config = NoICNNConfig
    config: NoICNNConfig

    @property
    def rung(self) -> str:
        """As configured."""
        return self.config.rung
