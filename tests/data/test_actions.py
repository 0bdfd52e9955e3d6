from pathlib import Path

import numpy as np
import pytest

from qdot.data.actions import bounds_from_value, rescale
from qdot.data.recording import Recording
from qdot.errors import DataError

LOW, HIGH = np.array([-2.0, 0.0]), np.array([2.0, 10.0])
LIMIT = np.float32(1 - 1e-5)


def recording(*actions: tuple[float, float]) -> Recording:
    steps = len(actions)
    zeros, flags = np.zeros(steps, np.float32), np.zeros(steps, bool)
    return Recording(Path("file.hdf5"), zeros[:, None], np.array(actions, np.float32), zeros, flags, flags)


def test_bounds_map_to_one() -> None:
    actions, clipped = rescale(recording((-2, 0), (2, 10), (0, 5), (1, 7.5)), LOW, HIGH, clip=False)
    assert actions.dtype == np.float32
    assert actions.tolist() == [[-1, -1], [1, 1], [0, 0], [0.5, 0.5]]
    assert clipped == 0


def test_clipping_is_counted() -> None:
    actions, clipped = rescale(recording((-2, 5), (3, 10), (0, 5)), LOW, HIGH, clip=True)
    assert actions.tolist() == [[-LIMIT, 0], [LIMIT, LIMIT], [0, 0]]
    assert clipped == 3


def test_unit_bounds_change_no_bit() -> None:
    given = np.random.default_rng(0).uniform(-0.99, 0.99, size=(100, 2)).astype(np.float32)
    for clip in (False, True):
        actions, clipped = rescale(recording(*map(tuple, given)), -np.ones(2), np.ones(2), clip)
        np.testing.assert_array_equal(actions, given)
        assert clipped == 0


def test_action_outside_its_bounds_is_named_by_row() -> None:
    with pytest.raises(DataError) as caught:
        rescale(recording((0, 5), (0, 11), (2.5, 5)), LOW, HIGH, clip=False)
    text = str(caught.value)
    assert "file.hdf5: actions: row 1: value 11 in column 1; expected [0, 10], or clip_actions: true" in text
    assert "(2 bad rows of 3)" in text


@pytest.mark.parametrize("value", [[1, -1], [0, 0], [0, float("inf")], [float("nan"), 1]])
def test_bounds_that_are_none_are_refused(value: list[float]) -> None:
    with pytest.raises(DataError, match="action_bounds: found"):
        bounds_from_value(value, 2)
