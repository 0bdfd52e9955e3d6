"""What a dataset holds, in numbers: as prepared, and as its file records it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from qdot.data.arrays import Column
from qdot.data.recording import Recording


def statistics(columns: Mapping[str, Column]) -> dict[str, Any]:
    """Counts, and returns over the transitions that are kept (what reward normalisation uses; as in IQL)."""
    rewards = np.concatenate(list(columns["rewards"].blocks()))
    starts = columns["episode_starts"].values
    returns = np.add.reduceat(rewards.astype(np.float64), starts)
    return {
        "transitions": len(rewards),
        "episodes": len(starts),
        "terminals": int(sum(block.sum(dtype=np.float64) for block in columns["terminals"].blocks())),
        "observation_dim": columns["observations"].shape[1],
        "action_dim": columns["actions"].shape[1],
        "return_mean": float(returns.mean()),
        "return_min": float(returns.min()),
        "return_max": float(returns.max()),
        "return_source": "kept transitions, rewards as recorded",
        "episode_length_mean": len(rewards) / len(starts),
        "reward_min": float(rewards.min()),
        "reward_max": float(rewards.max()),
    }


def recorded_statistics(recording: Recording) -> dict[str, Any]:
    """Every recorded row, counted as others count a file's episodes: by the ends that it marks itself, and no other.

    `rows`; `marked_episodes`, an unclosed last one included; `marked_return_mean`, `_min` and `_max` over the closed
    ones, every row counted, null where none is closed; `unmarked_ends`: ends that reading found beside the marked ones.
    """
    marked = recording.terminals | (recording.ends if recording.marked is None else recording.marked)
    last = np.flatnonzero(marked)
    totals = np.cumsum(recording.rewards, dtype=np.float64)[last]
    returns = np.diff(totals, prepend=0.0)
    unclosed = len(marked) > 0 and not marked[-1]
    return {
        "rows": len(recording),
        "marked_episodes": len(last) + int(unclosed),
        "marked_return_mean": float(returns.mean()) if len(returns) else None,
        "marked_return_min": float(returns.min()) if len(returns) else None,
        "marked_return_max": float(returns.max()) if len(returns) else None,
        "unmarked_ends": int(np.count_nonzero(recording.ends & ~marked)),
    }
