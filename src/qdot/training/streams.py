"""Random streams: each number is a function of (seed, purpose, position), never of what ran before or beside it."""

from collections.abc import Callable, Sequence
from zlib import crc32

import numpy as np
import torch
from torch import Tensor

BLOCK = 256  # steps whose minibatch indices are drawn at once; part of the stream's definition


def init_generators(seeds: Sequence[int]) -> Callable[[str], list[torch.Generator]]:
    """A function from a network's name to one generator per seed (on the CPU) for its initial weights."""

    def generators(name: str) -> list[torch.Generator]:
        return [torch.Generator().manual_seed(_key(seed, f"init:{name}")) for seed in seeds]

    return generators


def _key(seed: int, purpose: str) -> int:
    """A 63-bit key of (seed, purpose)."""
    return int(np.random.SeedSequence([seed, crc32(purpose.encode())]).generate_state(1, np.uint64)[0] >> 1)


class Minibatches:
    """Rows of the dataset for each step, uniform with replacement; a pure function of (seed, step)."""

    def __init__(self, seeds: Sequence[int], size: int, batch_size: int, device: torch.device | str = "cpu") -> None:
        """Draw from `size` rows, `batch_size` per seed and step."""
        self._keys = [_key(seed, "minibatch") for seed in seeds]
        self._size, self._batch_size, self._device = size, batch_size, device
        self._number, self._block = -1, torch.empty(0)

    def rows(self, step: int) -> Tensor:
        """Row numbers (seeds * batch,) of a step, seed-major, int64 on the device."""
        number, offset = divmod(step, BLOCK)
        if number != self._number:
            self._number, self._block = number, self._draw(number)
        return self._block[offset]

    def _draw(self, number: int) -> Tensor:
        """Row numbers (BLOCK, seeds * batch) of block `number`."""
        shape = (BLOCK, self._batch_size)
        streams = [np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, number])) for key in self._keys]
        rows = np.concatenate([stream.integers(self._size, size=shape) for stream in streams], axis=1)
        return torch.from_numpy(rows).to(self._device)
