"""What the guard answers itself: one sentence, in the caller's language."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from mmdemo import locale

CLOSE = (b"connection", b"close")


class Refusal(Exception):
    """Why a request is answered here: a status, and a sentence of the locale's [guard] whose braces `values` fill."""

    def __init__(self, status: int, key: str, **values: object) -> None:
        super().__init__(key)
        self.status = status
        self.key = key
        self.values = values

    def sentence(self, language: str) -> str:
        """Return the one sentence that the caller reads."""
        return locale.text(f"guard.{self.key}", language, **self.values)


class Gone(Exception):
    """The caller went away before its request was whole; there is nobody to answer."""


class Refusing:
    """Turns a Refusal of what it surrounds into the whole response."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        begun = False

        async def noticed(message: Any) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noticed)
        except Refusal as refusal:
            if begun:
                raise
            await _answer(refusal, scope, send)
        except Gone:
            return


def raw_refusal(key: str) -> bytes:
    """Return a whole HTTP response, 503, for a connection whose request is not read."""
    status = HTTPStatus.SERVICE_UNAVAILABLE
    body = _body(Refusal(status, key).sentence(locale.LANGUAGES[0]))
    lines = [f"HTTP/1.1 {status.value} {status.phrase}".encode()]
    lines += [name + b": " + value for name, value in [*_headers(body), CLOSE]]
    return b"\r\n".join([*lines, b"", body])


async def _answer(refusal: Refusal, scope: Mapping[str, Any], send: Any) -> None:
    languages = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"accept-language"), None)
    body = _body(refusal.sentence(locale.pick(languages)))
    # Of whoever asks for too much, what was sent behind this request is not read at all.
    headers = [*_headers(body), *([CLOSE] if refusal.status == HTTPStatus.TOO_MANY_REQUESTS else [])]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _body(sentence: str) -> bytes:
    # "detail" is what gradio_client reads of a refused request, "error" what the page does.
    return json.dumps({"detail": sentence, "error": sentence}, ensure_ascii=False).encode()


def _headers(body: bytes) -> list[tuple[bytes, bytes]]:
    return [(b"content-type", b"application/json; charset=utf-8"), (b"content-length", str(len(body)).encode())]
