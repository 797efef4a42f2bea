"""Many samples, read in threads while those before them are judged: codecs work outside of Python's lock."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from mmdemo.errors import BadInput

WINDOW = 64  # samples that are handed over together; as many again are being read

Source = TypeVar("Source")
Result = TypeVar("Result")


def windows(
    sources: Iterable[Source], read: Callable[[Source], Result], size: int
) -> Iterator[list[Result | BadInput]]:
    """Yield what `read` makes of `sources`, or why it refuses, in their order, `size` at a time."""
    waiting = iter(sources)
    threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="read")
    try:
        ahead: deque[Future[Result | BadInput]] = deque()
        while True:
            ahead += [threads.submit(_outcome, read, source) for source in islice(waiting, 2 * size - len(ahead))]
            if not ahead:
                return
            yield [ahead.popleft().result() for _ in range(min(size, len(ahead)))]
    finally:
        threads.shutdown(cancel_futures=True)


def _outcome(read: Callable[[Source], Result], source: Source) -> Result | BadInput:
    try:
        return read(source)
    except BadInput as refusal:
        return refusal
