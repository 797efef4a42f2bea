"""How much one caller may ask: whoever asks too fast waits, and whoever asks much faster is refused.

So is whoever has too many requests open: behind a proxy all come by the same few connections.

A bucket for each caller, from which a request takes what it costs the server, and which fills with time. Of what costs
most a caller has two at once; the others wait for them.
"""

import asyncio
import logging
import time
import weakref
from collections import Counter
from collections.abc import Callable
from typing import Any

from mmdemo.guard.callers import FORWARDED, Callers
from mmdemo.guard.layers.bodies import declared
from mmdemo.guard.layers.uploads import ROUTE as UPLOAD
from mmdemo.guard.limits import KIB, RequestLimits
from mmdemo.guard.refusals import Refusal

BURST_S = 15.0  # of its pace, which a caller may take at once: a room full of people opening the page
WAIT_S = 5.0  # at most, for the bucket to fill again
# Hundreds of kilobytes in answer, or read along piece by piece.
DEAR = {"/": 20, "/config": 20, "/config/": 20, "/gradio_api/info": 10, "/gradio_api/info/": 10}
UPLOADED_BYTES = 128 * KIB  # cost as much as a request: an upload costs what it brings
DEAR_AT_ONCE = 2
REMEMBERED = 10_000  # callers; those whose bucket is full by now are forgotten beyond
log = logging.getLogger(__name__)


def cost(scope: Any, largest: int) -> float:
    """Return how many requests this one counts as; an upload that tells no length counts as the `largest` file, bytes.

    Raises Refusal for a length that is no number.
    """
    if scope["path"] == UPLOAD:
        return 1 + (declared(scope) or largest) / UPLOADED_BYTES
    return DEAR.get(scope["path"], 1)


class Pace:
    """Lets requests of a caller through at its pace."""

    def __init__(
        self, app: Any, limits: RequestLimits, callers: Callers, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._app = app
        self._callers = callers
        self._per_s = float(limits.requests_per_s)
        self._largest = limits.upload_bytes
        self._clock = clock
        self._turns: weakref.WeakValueDictionary[str, asyncio.Semaphore] = weakref.WeakValueDictionary()
        self._taken: dict[str, tuple[float, float]] = {}  # caller → when it last asked, and what it had taken then

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        wait = self.wait_s(self._callers.of_scope(scope), cost(scope, self._largest))
        if wait > 0:
            await asyncio.sleep(wait)
        if scope["path"] in (*DEAR, UPLOAD):
            await self._in_turn(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _in_turn(self, scope: Any, receive: Any, send: Any) -> None:
        caller = self._callers.of_scope(scope)
        turn = self._turns.setdefault(caller, asyncio.Semaphore(DEAR_AT_ONCE))  # gone with its last request
        await turn.acquire()
        holding = True

        def leave() -> None:
            nonlocal holding
            if holding:
                holding = False
                turn.release()

        async def sent(message: Any) -> None:
            leave()  # the work is done; how slowly its answer is read is nobody else's wait
            await send(message)

        try:
            await self._app(scope, receive, sent)
        finally:
            leave()

    def wait_s(self, caller: str, cost: float) -> float:
        """Take `cost` from the caller's bucket, and return for how long it must wait. Raises Refusal.

        Whoever took nothing lately is let through, whatever it costs.
        """
        now = self._clock()
        taken = self._left(caller, now) + min(cost, BURST_S * self._per_s)
        wait = taken / self._per_s - BURST_S
        if wait > WAIT_S:
            raise Refusal(429, "too_fast")
        if len(self._taken) >= REMEMBERED:
            self._taken = {one: self._taken[one] for one in self._taken if self._left(one, now) > 0}
        self._taken[caller] = (now, taken)
        return max(0.0, wait)

    def _left(self, caller: str, now: float) -> float:
        last, taken = self._taken.get(caller, (now, 0.0))
        return max(0.0, taken - (now - last) * self._per_s)


class Shares:
    """Answers 429 to a caller who has as many requests open as one may have."""

    def __init__(self, app: Any, limits: RequestLimits, callers: Callers) -> None:
        self._app = app
        self._limits = limits
        self._callers = callers
        self._open: Counter[str] = Counter()
        self._warned = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        caller = self._callers.of_scope(scope)
        self._warn_of_a_proxy(scope, caller)
        if self._open[caller] >= self._limits.connections_each:
            raise Refusal(429, "too_many_requests")
        self._open[caller] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._open[caller] -= 1
            if not self._open[caller]:
                del self._open[caller]

    def _warn_of_a_proxy(self, scope: Any, caller: str) -> None:
        client = scope.get("client")
        if self._warned or not client or self._callers.is_proxy(client[0]):
            return
        if any(name == FORWARDED.encode() for name, _ in scope["headers"]):
            self._warned = True
            log.warning(
                "X-Forwarded-For came from %s, which MMDEMO_TRUSTED_PROXIES does not name: if that is your proxy, "
                "all who come through it count as one caller until it is named there",
                caller,
            )
