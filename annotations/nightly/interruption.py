"""A run that a signal ends unwinds as with Ctrl-C, so that it is written down as interrupted."""

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

FAILED_EXIT = 1
_told = threading.Event()


def is_told() -> bool:
    """Whether a signal told this run to stop.

    Asked where an error arrives: torch, where it reads weights, raises one of its own in the place of the signal's.
    """
    return _told.is_set()


@contextlib.contextmanager
def by_signal() -> Iterator[None]:
    """Let SIGTERM unwind the block like Ctrl-C does; one that is ignored stays so."""

    def stop(number: int, frame: FrameType | None) -> None:
        _told.set()
        if number == signal.SIGINT:
            signal.default_int_handler(number, frame)
        sys.exit(FAILED_EXIT)

    _told.clear()
    ends = [number for number in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in ends}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
