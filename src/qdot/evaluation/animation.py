"""Frames as a small WebP animation, and one of them as a still picture; Pillow encodes."""

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from qdot.errors import ResultsError

SIZE = 240  # pixels of the longer side, at most
LIMIT = 225_000  # bytes of an animation: 300,000 characters in a page
QUALITIES = (50, 35, 20, 10)  # of WebP, the first that fits

Frame = npt.NDArray[np.uint8]


def animation(frames: Sequence[Frame], milliseconds: int) -> bytes:
    """Frames as an animation that repeats.

    Args:
        frames: Each (height, width, 3), two or more.
        milliseconds: How long each is shown.

    Returns:
        At most `LIMIT` bytes.

    Raises:
        ResultsError: a frame is no picture, or they do not fit at the lowest quality.
    """
    images = [_image(frame) for frame in frames]
    for quality in QUALITIES:
        file = io.BytesIO()
        images[0].save(
            file,
            "WEBP",
            save_all=True,
            append_images=images[1:],
            duration=milliseconds,
            loop=0,
            quality=quality,
            minimize_size=True,
        )
        if file.tell() <= LIMIT:
            return file.getvalue()
    raise ResultsError(
        f"animation of {len(frames)} frames: {file.tell():,} bytes at quality {QUALITIES[-1]}, expected at most "
        f"{LIMIT:,}: frames that compress so badly are noise"
    )


def still(frame: Frame) -> bytes:
    """A frame (height, width, 3) as a picture of its own.

    Raises:
        ResultsError: it is no picture.
    """
    file = io.BytesIO()
    _image(frame).save(file, "WEBP", quality=QUALITIES[0])
    return file.getvalue()


def _image(frame: Frame) -> Image.Image:
    if not isinstance(frame, np.ndarray) or frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
        found = f"{frame.dtype} of shape {frame.shape}" if isinstance(frame, np.ndarray) else type(frame).__name__
        raise ResultsError(f"frame: found {found}, expected uint8 of shape (height, width, 3)")
    image = Image.fromarray(frame)
    image.thumbnail((SIZE, SIZE))
    return image
