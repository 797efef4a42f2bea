"""What did not begin on this machine says so to whatever stands behind the guard, as behind any proxy: X-Real-IP.

Reviewing without a key is for whoever sits at this machine (`mmdemo.ui.callers.access`), and ends where that header
stands.
"""

import ipaddress
from typing import Any

REAL_IP = b"x-real-ip"
OLD_HTTP = ("0.9", "1.0")  # no browser and no client speaks it any more; nginx does to what stands behind it


class Beyond:
    """Notes the peer of a connection that is not of this machine, or is a proxy's on it."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        peer = (scope.get("client") or ("unknown",))[0]
        if not _is_loopback(peer) or scope["http_version"] in OLD_HTTP:
            scope = {**scope, "headers": [*scope["headers"], (REAL_IP, peer.encode("latin-1", "replace"))]}
        await self._app(scope, receive, send)


def _is_loopback(peer: str) -> bool:
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
