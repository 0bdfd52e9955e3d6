"""Keeping freed memory in the process: a step frees and takes the same tensors thousands of times."""

import ctypes

TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3  # glibc's malloc.h
LARGEST = 32 << 20  # bytes; glibc takes no larger threshold
KEPT = 1 << 30  # bytes of freed memory at the top of the heap that are not given back
AHEAD = 64 << 20  # bytes by which the heap grows at once


def keep_freed_memory() -> None:
    """Let glibc keep blocks up to 32 MB instead of asking the kernel for zeroed pages each time.

    Training is 10-20% faster on the CPU where it was measured. Without glibc nothing is done.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option, value in ((MMAP_THRESHOLD, LARGEST), (TRIM_THRESHOLD, KEPT), (TOP_PAD, AHEAD)):
            mallopt(option, value)
