"""Q-DOT: offline reinforcement learning with Wasserstein regularisation via optimal transport maps, reproduced."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qdot.policies import LoadedPolicy

__version__ = "0.1.0"
__all__ = ["__version__", "load_policy"]


def load_policy(path: str | Path) -> "LoadedPolicy":
    """Load a trained policy (policy.safetensors); needs the `policy` extra.

    Returns:
        A policy to call with an observation (obs,) or a batch (n, obs), with Gymnasium's spaces; `act` has its other
        readouts.

    Raises:
        qdot.errors.ResultsError: the file is missing, damaged or no policy.
        qdot.errors.PackageError: the extra is not installed.
    """
    from qdot.extras import check_installed

    check_installed("policy", "torch", "safetensors")
    from qdot.policies import LoadedPolicy

    return LoadedPolicy.load(path)
