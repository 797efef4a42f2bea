"""How fast one caller may ask: whoever asks faster waits, and whoever asks much faster is refused.

A bucket for each caller, from which a request takes what it costs the server, and which fills with time.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from mmdemo.guard.callers import Callers
from mmdemo.guard.limits import Limits
from mmdemo.guard.refusals import Refusal

BURST_S = 15.0  # of its pace, which a caller may take at once: a room full of people opening the page
WAIT_S = 5.0  # at most, for the bucket to fill again
DEAR = {"/": 20, "/config": 20, "/config/": 20, "/gradio_api/info": 10, "/gradio_api/info/": 10}  # made anew each time
REMEMBERED = 10_000  # callers; those whose bucket is full by now are forgotten beyond


class Pace:
    """Lets requests of a caller through at its pace."""

    def __init__(self, app: Any, limits: Limits, callers: Callers, clock: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._callers = callers
        self._per_s = float(limits.requests_per_s)
        self._clock = clock
        self._taken: dict[str, tuple[float, float]] = {}  # caller → when it last asked, and what it had taken then

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        wait = self.wait_s(self._callers.of_scope(scope), DEAR.get(scope["path"], 1))
        if wait > 0:
            await asyncio.sleep(wait)
        await self._app(scope, receive, send)

    def wait_s(self, caller: str, cost: float) -> float:
        """Take `cost` from the caller's bucket, and return for how long it must wait. Raises Refusal."""
        now = self._clock()
        taken = self._left(caller, now) + cost
        wait = taken / self._per_s - BURST_S
        if wait > WAIT_S:
            raise Refusal(429, "too_fast")
        if len(self._taken) >= REMEMBERED:
            self._taken = {one: self._taken[one] for one in self._taken if self._left(one, now) > 0}
        self._taken[caller] = (now, taken)
        return max(0.0, wait)

    def _left(self, caller: str, now: float) -> float:
        asked, taken = self._taken.get(caller, (now, 0.0))
        return max(0.0, taken - (now - asked) * self._per_s)
