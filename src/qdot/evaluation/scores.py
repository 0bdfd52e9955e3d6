"""D4RL-normalised scores."""

from collections.abc import Sequence


def normalise(total: float, reference_scores: Sequence[float]) -> float:
    """100 (return - random) / (expert - random).

    Args:
        total: An episode's return.
        reference_scores: Returns of random and of expert.
    """
    low, high = reference_scores
    return 100.0 * (total - low) / (high - low)
