"""What Gradio makes anew for everybody who opens the page, though it is the same: made once, packed, and kept.

It depends on nothing but the address under which it is asked for, which stands in it.
"""

from collections import OrderedDict
from typing import Any

from starlette.middleware.gzip import GZipMiddleware

PATHS = ("/", "/config", "/config/", "/gradio_api/info", "/gradio_api/info/")
IN_ADDRESS = (b"host", b"x-forwarded-host", b"x-forwarded-proto")  # what Gradio makes its own address of
ADDRESSES = 8  # under which this server is remembered, each with its paths; others are made anew
_LEVEL = 6  # of gzip

Key = tuple[Any, ...]


class Prepared:
    """Answers from memory what is the same each time; what carries a query is no such request."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._packed = GZipMiddleware(app, compresslevel=_LEVEL)
        self._responses: OrderedDict[Key, list[Any]] = OrderedDict()  # as ASGI messages, the latest asked for last

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] != "GET" or scope["path"] not in PATHS or scope["query_string"]:
            return await self._app(scope, receive, send)
        key = _key(scope)
        if key not in self._responses:
            messages = await self._make(scope, receive)
            if messages[0]["status"] == 200:
                self._remember(key, messages)
        else:
            messages = self._responses[key]
            self._responses.move_to_end(key)
        for message in messages:
            await send(message)

    async def _make(self, scope: Any, receive: Any) -> list[Any]:
        messages: list[Any] = []

        async def note(message: Any) -> None:
            messages.append(message)

        await self._packed(scope, receive, note)
        return messages

    def _remember(self, key: Key, messages: list[Any]) -> None:
        self._responses[key] = messages
        while len(self._responses) > ADDRESSES * len(PATHS):
            self._responses.popitem(last=False)


def _key(scope: Any) -> Key:
    """Return all that a response depends on."""
    headers = [(name.lower(), value) for name, value in scope["headers"]]
    address = tuple(pair for pair in headers if pair[0] in IN_ADDRESS)
    packed = any(name == b"accept-encoding" and b"gzip" in value for name, value in headers)
    listening = tuple(scope.get("server") or ())
    return scope["path"], scope.get("scheme"), scope.get("root_path"), listening, address, packed
