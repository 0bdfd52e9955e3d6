"""Operating systems that the study runs on."""

import sys

from qdot.errors import QdotError


def refuse_windows() -> None:
    """Stop on native Windows, before anything is written.

    Raises:
        QdotError: this is Windows, and not its Linux subsystem.
    """
    if sys.platform == "win32":
        raise QdotError(
            "system: found native Windows, which lacks the file locks and signals that a run relies on; expected Linux"
            " or macOS: install WSL2 (`wsl --install`) and run the same command there (docs/platforms.md)"
        )
