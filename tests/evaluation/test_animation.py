"""Frames become a moving WebP within its limit, or an error that says what they came to."""

import io

import numpy as np
import pytest
from PIL import Image

from qdot.errors import ResultsError
from qdot.evaluation import animation as module
from qdot.evaluation.animation import SIZE, Frame, animation, still


def sliding(count: int, width: int, height: int) -> list[Frame]:
    """A white square that moves over black."""
    frames = [np.zeros((height, width, 3), np.uint8) for _ in range(count)]
    for place, frame in enumerate(frames):
        frame[10:30, 4 * place : 4 * place + 20] = 255
    return frames


def test_every_frame_is_there_for_its_time_at_the_size_of_the_page() -> None:
    with Image.open(io.BytesIO(animation(sliding(7, 480, 360), 120))) as opened:
        assert (opened.format, opened.n_frames, opened.size) == ("WEBP", 7, (SIZE, 180))
        assert opened.info["loop"] == 0
        for index in range(7):
            opened.seek(index)
            opened.load()
            assert opened.info["duration"] == 120
    with Image.open(io.BytesIO(still(sliding(1, 480, 480)[0]))) as opened:
        assert (opened.format, opened.n_frames, opened.size) == ("WEBP", 1, (SIZE, SIZE))


def test_quality_gives_way_before_the_limit_does(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = list(np.random.default_rng(0).integers(0, 255, (4, 64, 64, 3), np.uint8))
    best = len(animation(noise, 100))
    monkeypatch.setattr(module, "LIMIT", best - 1)
    assert len(animation(noise, 100)) < best
    monkeypatch.setattr(module, "LIMIT", 100)
    with pytest.raises(ResultsError, match=r"4 frames: [\d,]+ bytes at quality 10, expected at most 100"):
        animation(noise, 100)


def test_what_is_no_picture_is_named() -> None:
    with pytest.raises(ResultsError, match=r"found float64 of shape \(2, 2\)"):
        still(np.zeros((2, 2)))  # type: ignore[arg-type]
    with pytest.raises(ResultsError, match="found NoneType"):
        animation([None, None], 100)  # type: ignore[list-item]
