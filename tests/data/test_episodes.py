from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qdot.data.episodes import cut_episodes
from qdot.data.recording import Recording
from qdot.errors import DataError

ROW = st.tuples(st.booleans(), st.booleans())


def recording(terminals: list[bool], ends: list[bool], known: bool) -> Recording:
    """Observations count up, so that a row's successor is known by its value; recorded ones end in .5."""
    steps = len(terminals)
    observations = np.arange(steps, dtype=np.float32)[:, None]
    zeros = np.zeros(steps, np.float32)
    following = observations + np.float32(0.5) if known else None
    return Recording(Path("x"), observations, zeros[:, None], zeros, np.array(terminals), np.array(ends), following)


def by_hand(terminals: list[bool], ends: list[bool], known: bool) -> tuple[list[int], list[float], list[int]]:
    """(rows, next observations, episode starts), one row after the other."""
    rows: list[int] = []
    following: list[float] = []
    starts: list[int] = []
    fresh = True
    for row, (terminal, end) in enumerate(zip(terminals, ends, strict=True)):
        last = terminal or end or row == len(terminals) - 1
        if known or terminal or not last:
            starts += [len(rows)] if fresh else []
            rows.append(row)
            following.append(row + 0.5 if known else row if last else row + 1)
            fresh = False
        fresh = fresh or last
    return rows, following, starts


@given(flags=st.lists(ROW, min_size=1, max_size=12), known=st.booleans())
def test_transitions_equal_those_made_one_by_one(flags: list[tuple[bool, bool]], known: bool) -> None:
    terminals, ends = [flag[0] for flag in flags], [flag[1] for flag in flags]
    rows, following, starts = by_hand(terminals, ends, known)
    if not rows:
        with pytest.raises(DataError, match="no usable transition"):
            cut_episodes(recording(terminals, ends, known))
        return
    cut = cut_episodes(recording(terminals, ends, known))
    assert cut.rows.tolist() == rows
    assert cut.successors[cut.following][:, 0].tolist() == following
    assert cut.episode_starts.tolist() == starts


def test_time_out_is_dropped_and_terminal_kept() -> None:
    cut = cut_episodes(recording([False, True, False, False, False], [False, False, False, True, False], False))
    assert cut.rows.tolist() == [0, 1, 2]  # 3 is a time-out, 4 the end of the file
    assert cut.successors[cut.following][:, 0].tolist() == [1, 1, 3]  # the terminal keeps its own observation
    assert cut.episode_starts.tolist() == [0, 2]


def test_recorded_next_observations_keep_every_row() -> None:
    cut = cut_episodes(recording([False, True, False, False], [False, False, True, False], True))
    assert cut.rows.tolist() == [0, 1, 2, 3]
    assert cut.successors[cut.following][:, 0].tolist() == [0.5, 1.5, 2.5, 3.5]
    assert cut.episode_starts.tolist() == [0, 2, 3]
