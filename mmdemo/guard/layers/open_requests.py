"""How many requests one caller may have open: behind a proxy all come by the same few connections."""

import logging
from collections import Counter
from typing import Any

from mmdemo.guard.callers import FORWARDED, Callers
from mmdemo.guard.limits import RequestLimits
from mmdemo.guard.refusals import Refusal

log = logging.getLogger(__name__)


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
