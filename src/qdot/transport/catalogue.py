"""The transport studies by name: each gives its rows from a scale and a seed."""

from collections.abc import Callable

from qdot.errors import ParamsError
from qdot.transport import certificate, limits, lqr, metric, novelty, own_loss, shapes, unpaired
from qdot.transport.records import Row

SCALES = ("tiny", "small", "full")
STUDIES: dict[str, Callable[[str, int], list[Row]]] = {
    "own_loss": own_loss.rows,
    "unpaired": unpaired.rows,
    "shapes": shapes.rows,
    "certificate": certificate.rows,
    "metric": metric.rows,
    "lqr": lqr.rows,
    "limits": limits.rows,
    "novelty": novelty.rows,
}


def run_study(name: str, scale: str, seed: int) -> list[Row]:
    """The rows of one study.

    Raises:
        ParamsError: For a study or a scale that does not exist.
    """
    if name not in STUDIES:
        raise ParamsError(f"transport.studies: found {name!r}, expected some of: {', '.join(STUDIES)}")
    if scale not in SCALES:
        raise ParamsError(f"transport.budget: found {scale!r}, expected one of: {', '.join(SCALES)}")
    return STUDIES[name](scale, seed)
