from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from qdot.data.hdf5 import read_d4rl
from qdot.data.statistics import recorded_statistics
from qdot.errors import DataError

from .conftest import layout


def test_a_file_is_counted_by_its_own_marks(write_hdf5: Callable[..., Path]) -> None:
    """Three marked segments of twelve rows; the last is unclosed and has no return."""
    path = write_hdf5(rewards=np.arange(12, dtype=np.float32))
    found = recorded_statistics(read_d4rl(path))
    assert found == {
        "rows": 12,
        "marked_episodes": 3,
        "marked_return_mean": (0 + 1 + 2 + 3 + 4 + 5 + 6 + 7) / 2,
        "marked_return_min": 0 + 1 + 2 + 3,
        "marked_return_max": 4 + 5 + 6 + 7,
        "unmarked_ends": 0,
    }


def test_ends_found_by_continuity_are_no_marks(write_hdf5: Callable[..., Path]) -> None:
    chain = layout(steps=13)["observations"]
    following = chain[1:].copy()
    following[[1, 9]] += 1.0
    path = write_hdf5(observations=chain[:12], next_observations=following)
    found = recorded_statistics(read_d4rl(path, "recorded"))
    assert (found["marked_episodes"], found["unmarked_ends"]) == (3, 2)
    assert recorded_statistics(read_d4rl(path, "flags"))["unmarked_ends"] == 0


def test_a_file_without_a_closed_episode_has_no_return(write_hdf5: Callable[..., Path]) -> None:
    none = np.zeros(12, bool)
    found = recorded_statistics(read_d4rl(write_hdf5(terminals=none, timeouts=none)))
    assert (found["marked_episodes"], found["marked_return_mean"]) == (1, None)


def test_shuffled_rows_are_refused(write_hdf5: Callable[..., Path]) -> None:
    chain = layout(steps=13)["observations"]
    order = np.random.default_rng(0).permutation(12)
    path = write_hdf5(observations=chain[:12][order], next_observations=chain[1:][order])
    with pytest.raises(
        DataError, match=r"next_observations: \d+ of 12 rows are not continued .* `episode_split: flags`"
    ):
        read_d4rl(path, "recorded")
    assert len(read_d4rl(path, "flags")) == 12
