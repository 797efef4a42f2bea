"""How much a request may bring, and how slowly: measured while it comes, before anything is parsed."""

import asyncio
import re
import time
from collections.abc import Mapping
from typing import Any

from mmdemo.guard.limits import KIB, RequestLimits
from mmdemo.guard.refusals import Gone, Refusal

SLOWEST_BYTES_PER_S = 4 * KIB  # of a body as a whole, after MMDEMO_MAX_WAIT_S
VALUES = 20_000  # in all lists together, lists among them; a call has dozens, and 10,000 units at most
DEPTH = 32  # of lists in lists; a call has six
# A string, or what would be one if it were closed: matched without ever going back.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.S)
_BRACKET = re.compile(rb"[\[\]{}]")


class Bodies:
    """Answers 413 or 400 to what is too much; what goes on to the application is whole."""

    def __init__(self, app: Any, limits: RequestLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = await whole(scope, patient(receive, self._limits), self._limits.json_bytes)
        if scope["method"] == "POST":
            check_shape(body)
        first = True

        async def again() -> Any:
            nonlocal first
            if first:
                first = False
                return {"type": "http.request", "body": body, "more_body": False}
            return await receive()

        await self._app(scope, again, send)


def declared(scope: Mapping[str, Any]) -> int:
    """Return how many bytes the request says it brings, 0 where it doesn't. Raises Refusal."""
    value = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if not value.isdigit():
        raise Refusal(400, "body_unreadable")
    return int(value)


def patient(receive: Any, limits: RequestLimits) -> Any:
    """Return `receive` that raises Refusal where the next piece of a body doesn't come, or the whole comes too slowly.

    The rule is that of Apache's mod_reqtimeout: so many seconds, and one more for each SLOWEST_BYTES_PER_S.
    """
    begun, size = time.monotonic(), 0

    async def piece() -> Any:
        nonlocal size
        left = begun + limits.wait_s + size / SLOWEST_BYTES_PER_S - time.monotonic()
        try:
            message = await asyncio.wait_for(receive(), max(0.0, min(limits.wait_s, left)))
        except TimeoutError as error:
            raise Refusal(408, "body_too_slow") from error
        size += len(message.get("body", b""))
        return message

    return piece


async def whole(scope: Mapping[str, Any], receive: Any, most: int) -> bytes:
    """Return the body. Raises Refusal where it is larger than `most` bytes, Gone."""
    too_large = Refusal(413, "body_too_large", limit=most // KIB)
    if declared(scope) > most:
        raise too_large
    pieces, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise Gone
        more = message.get("more_body", False)
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > most:
            raise too_large
    return b"".join(pieces)


def check_shape(body: bytes) -> None:
    """Return if JSON of this shape is safe to parse and to walk through. Raises Refusal."""
    bare = _STRING.sub(b"", body)
    if sum(map(bare.count, (b"[", b"{", b","))) > VALUES:
        raise Refusal(400, "body_too_deep")
    depth = 0
    for bracket in _BRACKET.findall(bare):
        depth += 1 if bracket in (b"[", b"{") else -1
        if depth > DEPTH:
            raise Refusal(400, "body_too_deep")
