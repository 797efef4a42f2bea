"""What browsers are kept from: what changes something is refused from pages of other origins, and every response says
whose scripts may run, who may frame the page, and what goes along. Scripts, which name no origin, go on as they did.
"""

from typing import Any
from urllib.parse import urlsplit

from mmdemo.guard.refusals import Refusal

READING = ("GET", "HEAD", "OPTIONS")
OWN_SITES = ("same-origin", "none")  # of Sec-Fetch-Site; none: typed, or a bookmark
HUB = ("https://huggingface.co", "https://*.hf.space")  # its pages show a Space in a frame

# Gradio and the parts of our page bring their scripts and styles within the page; it compiles templates of components.
_POLICY = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "media-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self' data: blob:",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-src": "'none'",
    "frame-ancestors": " ".join(("'self'", *HUB)),
}
HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", "; ".join(f"{name} {value}" for name, value in _POLICY.items()).encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
)
_OURS = {name for name, _ in HEADERS}


class Origins:
    """Answers 403 to what another origin's page would have its visitor's browser send."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] not in READING and not own(dict(scope["headers"])):
            raise Refusal(403, "other_origin")
        await self._app(scope, receive, send)


def own(headers: dict[bytes, bytes]) -> bool:
    """Tell whether the request comes from our own page, or from no page at all.

    A proxy may ask us under another Host than the browser named; it then says which in X-Forwarded-Host. A page can
    make a browser send neither that header nor a false Sec-Fetch-Site across origins.
    """
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        return site.decode("latin-1").strip() in OWN_SITES
    origin = headers.get(b"origin")
    if origin is None:
        return True
    hosts = (headers.get(b"host"), headers.get(b"x-forwarded-host"))
    return _host(origin) in {host.decode("latin-1").strip().lower() for host in hosts if host}


def _host(origin: bytes) -> str:
    try:
        return urlsplit(origin.decode("latin-1")).netloc.lower()
    except ValueError:  # such as an unclosed bracket
        return ""


class Headers:
    """Adds HEADERS to each response, refusals included."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def dressed(message: Any) -> None:
            if message["type"] == "http.response.start":
                others = [pair for pair in message.get("headers", ()) if pair[0].lower() not in _OURS]
                message = {**message, "headers": [*others, *HEADERS]}
            await send(message)

        await self._app(scope, receive, dressed)
