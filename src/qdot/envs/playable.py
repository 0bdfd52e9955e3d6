"""Can a dataset's policies be played and scored here?"""

from collections.abc import Mapping
from typing import Any

from qdot.envs.registry import is_available


def obstacle(data: Mapping[str, Any]) -> str:
    """Why a dataset's policies cannot be evaluated; empty where they can.

    A D4RL dataset is scored as D4RL scores it or not at all: where nobody has given the returns that count as 0 and 100
    with their source (pen), there is no score to report, and a raw return would look like one.

    Args:
        data: The dataset's resolved values.
    """
    environment = data.get("environment")
    if not environment:
        return "the dataset names no environment"
    available, reason = is_available(environment)
    if not available:
        return reason
    missing = [key for key in ("reference_scores", "reference_source") if not data.get(key)]
    if data.get("source") == "d4rl" and missing:
        return f"no {' and no '.join(missing)} in the dataset's block; a D4RL dataset is scored with both or not at all"
    return ""
