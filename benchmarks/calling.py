"""Callers in threads of their own, that ask the whole time that something is done to what they ask."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

Caller = Callable[[threading.Event], None]  # asks until the event is set


@contextmanager
def calling(callers: Sequence[Caller]) -> Iterator[None]:
    """Let the callers ask while the block lasts; it is left once all of them have ended."""
    stop = threading.Event()
    threads = [threading.Thread(target=caller, args=(stop,)) for caller in callers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
