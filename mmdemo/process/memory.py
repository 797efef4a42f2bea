"""What a process does with memory that it no longer needs: tensors come and go a hundred times in one prediction."""

import ctypes
import threading
import time
import weakref
from typing import NamedTuple, Protocol

_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -3, -1  # of glibc's mallopt (malloc.h)


class Bounds(NamedTuple):
    """What the C library keeps of freed blocks. Its defaults start at 128 KiB, and are meant for small ones."""

    mapped_bytes: int  # blocks from this size on are mapped one by one, and unmapped when they are free
    kept_bytes: int  # of what is free at the end of the heap, so much is kept


TRAINING = Bounds(1 << 30, 1 << 29)
SERVING = Bounds(1 << 26, 1 << 27)  # no tensor of an answer is as large; a large picture is


class MemoryPool(Protocol):
    """Something that keeps memory of its own for the next call."""

    def give_back(self) -> None:
        """Let go of what no call needs at the moment."""


_pools, _listing = weakref.WeakSet[MemoryPool](), threading.Lock()

GIVE_BACK_S = 60.0  # the next answer after it asks for its pages anew, which takes it some ten milliseconds
WORKED_S = 0.1  # of processor time: an idle server has nothing to give back


def keep_freed(bounds: Bounds = TRAINING) -> bool:
    """Ask the C library to keep freed blocks for the next ones, and say whether it does; only glibc can be asked.

    Otherwise each large tensor is asked of the kernel, which clears it page by page, and given back at once.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, TypeError, AttributeError):  # Windows has no such handle, macOS and musl no such function
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, bounds.mapped_bytes) and mallopt(_M_TRIM_THRESHOLD, bounds.kept_bytes))


def ask_too(pool: MemoryPool) -> None:
    """Have a pool give back, as long as it lives, whenever the process does."""
    with _listing:
        _pools.add(pool)


def give_back() -> bool:
    """Give the kernel each page that holds nothing any more, and say whether that was possible: glibc alone can do it.

    A small block that outlives its large neighbours pins them in the heap, where `keep_freed` leaves them.
    """
    with _listing:
        pools = list(_pools)
    for pool in pools:
        pool.give_back()
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, TypeError, AttributeError):
        return False
    trim(0)
    return True


def give_back_regularly(stop: threading.Event, every_s: float = GIVE_BACK_S) -> threading.Thread:
    """Do so in the background until `stop` is set, wherever the process has worked since the last time."""

    def tend() -> None:
        worked_s = 0.0
        while not stop.wait(every_s):
            if time.process_time() - worked_s > WORKED_S:
                give_back()
                worked_s = time.process_time()

    thread = threading.Thread(target=tend, name="memory", daemon=True)
    thread.start()
    return thread
