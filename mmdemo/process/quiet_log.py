"""A log that doesn't repeat itself: of lines from one place in the code a few a minute, then how many there were."""

import logging
import time
from collections.abc import Callable

LINES = 10  # from one place in the code, a minute
WINDOW_S = 60.0


class Quiet(logging.Filter):
    """Lets the first LINES records of each place and minute through; the next one that passes tells the rest."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._windows: dict[tuple[str, int], list[float]] = {}  # place → when its minute began, and lines in it

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether this record is written."""
        window = self._windows.setdefault((record.pathname, record.lineno), [self._clock(), 0.0])
        left_out = 0
        if self._clock() - window[0] >= WINDOW_S:
            left_out = max(0, int(window[1]) - LINES)
            window[:] = [self._clock(), 0.0]
        window[1] += 1
        if left_out:
            record.msg = (
                f"{record.msg} (and {left_out} more like it before)"  # its values stay apart: see mmdemo.process.logs
            )
        return window[1] <= LINES


def install() -> None:
    """Keep every handler of this process from repeating itself."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(Quiet())
