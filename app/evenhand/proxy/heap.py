"""The heap of the C library, kept small where that library is glibc; with any other nothing happens.

glibc gives threads heaps of their own. New rules are read and old ones let go by whichever thread is free, so each heap would
come to hold the holes of several revisions. It takes large buffers from the heap once it has seen some, and what lies behind
them keeps their room. And what is free inside a heap stays with the process until somebody asks.
"""

import ctypes
from collections.abc import Callable

_MMAP_THRESHOLD, _ARENA_MAX = -3, -8  # of malloc.h
LARGE_BYTES = 1 << 20


def keep_small() -> None:
    """One heap, and none of the large buffers in it. To be called before there are threads: heaps made until then stay."""
    if set_option := _glibc("mallopt"):
        set_option(_ARENA_MAX, 1)
        set_option(_MMAP_THRESHOLD, LARGE_BYTES)


def give_back() -> None:
    """What is free goes back to the system."""
    if trim := _glibc("malloc_trim"):
        trim(0)


def _glibc(name: str) -> Callable[..., int] | None:
    try:
        process = ctypes.CDLL(None)
    except (OSError, TypeError):  # Windows has no handle of that kind
        return None
    return getattr(process, name, None) if hasattr(process, "gnu_get_libc_version") else None
