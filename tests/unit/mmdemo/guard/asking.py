"""Asks an ASGI application one thing, piece by piece, as a server would."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

DISCONNECT = {"type": "http.disconnect"}


class Echo:
    """Answers 200 with the number of bytes it was sent, and keeps the last scope and body."""

    def __init__(self) -> None:
        self.scope: dict[str, Any] = {}
        self.body = b""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scope, self.body, more = scope, b"", True
        while more:
            message = await receive()
            self.body += message.get("body", b"")
            more = message.get("more_body", False)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(len(self.body)).encode()})


def ask(
    app: Any,
    pieces: Iterable[bytes] = (b"",),
    *,
    path: str = "/gradio_api/queue/join",
    method: str = "POST",
    headers: dict[str, str] | None = None,
    peer: str = "127.0.0.1",
    then: Any = DISCONNECT,
    http: str = "1.1",
) -> tuple[int, dict[str, Any]]:
    """Return status and JSON; 0 where nothing was answered. `then` comes after the pieces; None: nothing, for ever."""
    return asyncio.run(asking(app, pieces, path, method, headers or {}, peer, then, http))


async def asking(app, pieces, path, method, headers, peer, then, http):  # type: ignore[no-untyped-def]
    messages: list[Any] = []
    rest = list(pieces)
    whole = then is DISCONNECT

    async def receive() -> Any:
        if rest:
            body = rest.pop(0)
            return {"type": "http.request", "body": body, "more_body": bool(rest) or not whole}
        if then is None:
            await asyncio.Event().wait()
        return then

    async def send(message: Any) -> None:
        messages.append(message)

    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    scope = {
        **{"type": "http", "method": method, "path": path, "query_string": b"", "http_version": http},
        **{"headers": raw, "client": (peer, 5000)},
    }
    await app(scope, receive, send)
    status = messages[0]["status"] if messages else 0
    body = b"".join(message.get("body", b"") for message in messages)
    return status, json.loads(body) if body else {}
