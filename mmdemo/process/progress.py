"""How far long work is: a line now and then, with a bar and the time that is left."""

import time
from collections.abc import Callable

EVERY_S = 5.0  # between two lines
WIDTH = 20  # characters of a bar


class ProgressBar:
    """Counts what is done of `total` and tells it, at most every EVERY_S; what is done at once is never told."""

    def __init__(
        self, total: int, what: str, tell: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._total, self._what, self._tell, self._clock = total, what, tell, clock
        self._done = 0
        self._start = self._told = clock()

    def advance(self, count: int = 1) -> None:
        """Count so many more."""
        self._done += count
        now = self._clock()
        if self._done and now - self._told >= EVERY_S:
            self._told = now
            self._tell(self._line(now - self._start))

    def _line(self, elapsed_s: float) -> str:
        share = self._done / max(self._total, self._done)
        minutes, seconds = divmod(round(elapsed_s / share * (1 - share)), 60)
        bar = "█" * round(share * WIDTH)
        return f"{bar:░<{WIDTH}} {self._done:,} of {self._total:,} {self._what}, {minutes}:{seconds:02} left"
