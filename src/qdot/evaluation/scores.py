"""D4RL-normalised scores, and which evaluations a reported score is made of."""

from collections.abc import Sequence
from dataclasses import dataclass

MEAN_OVER = 10  # evaluations of the protocol `mean10`


def normalise(total: float, reference_scores: Sequence[float]) -> float:
    """100 (return - random) / (expert - random).

    Args:
        total: An episode's return.
        reference_scores: Returns of random and of expert.
    """
    low, high = reference_scores
    return 100.0 * (total - low) / (high - low)


@dataclass(frozen=True)
class ProtocolScore:
    """A score under one protocol.

    Attributes:
        value: The score; None unless `status` is `ok`.
        evaluations: How many evaluations it is made of.
        status: `ok`, or why there is no score.
    """

    value: float | None
    evaluations: int
    status: str


def training_protocols(scores: Sequence[float]) -> dict[str, ProtocolScore]:
    """Protocols `last`, `best` and `mean10` of one cell and readout (`final` is its own evaluation after training).

    Args:
        scores: Mean score of each evaluation during training, in the order of steps.
    """
    if not scores:
        none = ProtocolScore(None, 0, "not run: no evaluation during training")
        return dict.fromkeys(("last", "best", "mean10"), none)
    recent = scores[-MEAN_OVER:]
    mean = ProtocolScore(sum(recent) / len(recent), MEAN_OVER, "ok")
    if len(recent) < MEAN_OVER:
        mean = ProtocolScore(None, len(recent), f"not run: {len(recent)} evaluations, mean10 needs {MEAN_OVER}")
    return {"last": ProtocolScore(scores[-1], 1, "ok"), "best": ProtocolScore(max(scores), 1, "ok"), "mean10": mean}
