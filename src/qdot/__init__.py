"""Q-DOT: offline reinforcement learning with Wasserstein regularisation via optimal transport maps, reproduced."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qdot.training.checkpoint import Policy

__version__ = "0.1.0"
__all__ = ["__version__", "load_policy"]


def load_policy(path: str | Path) -> "Policy":
    """Load a trained policy (policy.safetensors); needs the `policy` extra.

    Raises:
        qdot.errors.ResultsError: the file is missing, damaged or no policy.
    """
    from qdot.training.checkpoint import Policy

    return Policy.load(path)
