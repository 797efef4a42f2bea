"""What a process does with memory that it no longer needs: tensors come and go a hundred times in one prediction."""

import ctypes

# glibc's mallopt (malloc.h): blocks from this size on are mapped one by one, and unmapped when they are free; so much
# that is free at the end of the heap is kept. Its defaults start at 128 KiB, and are meant for small blocks.
_M_MMAP_THRESHOLD, _MAPPED_BYTES = -3, 1 << 30
_M_TRIM_THRESHOLD, _KEPT_BYTES = -1, 1 << 29


def keep_freed() -> bool:
    """Ask the C library to keep freed blocks for the next ones, and say whether it does; only glibc can be asked.

    Otherwise each large tensor is asked of the kernel, which clears it page by page, and given back at once.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, TypeError, AttributeError):  # Windows has no such handle, macOS and musl no such function
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _MAPPED_BYTES) and mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES))
