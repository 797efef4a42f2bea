"""What changes something is refused from pages of other origins; scripts, which name none, go on as they did."""

from typing import Any
from urllib.parse import urlsplit

from mmdemo.guard.refusals import Refusal

READING = ("GET", "HEAD", "OPTIONS")
OWN_SITES = ("same-origin", "none")  # of Sec-Fetch-Site; none: typed, or a bookmark


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
