"""A GPU's streams: the parts of a step that may overlap there, and what each takes, though the host waits for none."""

import time
from collections.abc import Hashable, Iterable, Iterator
from contextlib import contextmanager

import torch

MOST_OPEN = 4096  # pairs of marks on a GPU's stream that are not yet read


class Clock:
    """Seconds by account."""

    def __init__(self, device: str) -> None:
        """Start at nothing; on a GPU marks on its stream tell the time, read when they are many."""
        self._on_gpu = device.startswith("cuda")
        self._seconds: dict[Hashable, float] = {}
        self._open: list[tuple[Hashable, torch.cuda.Event, torch.cuda.Event]] = []

    @contextmanager
    def charging(self, account: Hashable) -> Iterator[None]:
        """Add what is done meanwhile to an account, if it ends well."""
        if self._on_gpu:
            begun, ended = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            begun.record()
            yield
            ended.record()
            self._open.append((account, begun, ended))
            if len(self._open) >= MOST_OPEN:
                self._read()
        else:
            start = time.perf_counter()
            yield
            self._add(account, time.perf_counter() - start)

    def seconds(self, account: Hashable) -> float:
        """What was charged to it."""
        self._read()
        return self._seconds.get(account, 0.0)

    def _read(self) -> None:
        if self._open:
            torch.cuda.synchronize()
        for account, begun, ended in self._open:
            self._add(account, begun.elapsed_time(ended) / 1000)
        self._open.clear()

    def _add(self, account: Hashable, seconds: float) -> None:
        self._seconds[account] = self._seconds.get(account, 0.0) + seconds


class Streams:
    """Lets the members of a family run side by side on a GPU, each on a stream of its own; elsewhere one by one."""

    def __init__(self, device: str) -> None:
        """Have no stream yet."""
        self._on_gpu = device.startswith("cuda")
        self._streams: dict[Hashable, torch.cuda.Stream] = {}

    @contextmanager
    def beside(self, account: Hashable, after: Iterable[Hashable] = ()) -> Iterator[None]:
        """Do on the account's stream what is started meanwhile.

        It comes after all that was started on the main stream before, and on those of the accounts in `after`.
        """
        if not self._on_gpu:
            yield
            return
        if account not in self._streams:
            self._streams[account] = torch.cuda.Stream()
        stream = self._streams[account]
        for other in (torch.cuda.current_stream(), *(self._streams[one] for one in after)):
            stream.wait_stream(other)
        with torch.cuda.stream(stream):
            yield

    def join(self) -> None:
        """Let what is started from now on wait for all of them."""
        for stream in self._streams.values():
            torch.cuda.current_stream().wait_stream(stream)
