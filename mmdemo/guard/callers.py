"""Who a caller is: the peer of the connection or, where that peer is a proxy that is trusted, whom it forwards.

Each proxy appends to X-Forwarded-For the address from which it was asked, so the list is read from its right end, and
only as long as trusted proxies wrote it: what a caller puts into that header by itself stands further left.

What did not begin on this machine says so to whatever stands behind the guard, as behind any proxy: X-Real-IP. For
reviewing without a key is for whoever sits at this machine (`mmdemo.ui.callers.access`), and ends where that stands.
"""

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmdemo.settings import PRIVATE, Settings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

FORWARDED = "x-forwarded-for"
PRIVATE_NETWORKS = (  # of loopback, households, firms and clouds; the standard library counts reserved ones too
    *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16"),
    *("::1/128", "fc00::/7", "fe80::/10"),
)
IPV6_CALLER_BITS = 64  # what one household or server is given; each could otherwise be 2^64 callers
REAL_IP = b"x-real-ip"
OLD_HTTP = ("0.9", "1.0")  # no browser and no client speaks it any more; nginx does to what stands behind it


@dataclass(frozen=True)
class Callers:
    """Tells callers apart."""

    trusted: tuple[Network, ...] = ()  # proxies

    @classmethod
    def of(cls, settings: Settings, environment: Mapping[str, str] | None = None) -> "Callers":
        """Return what the settings say; `environment` replaces os.environ.

        A Space is reached through the Hub's proxy alone, which has a private address: there those are trusted unless
        the settings name others.
        """
        variables = os.environ if environment is None else environment
        names = [name.strip() for name in settings.trusted_proxies.split(",") if name.strip()]
        if not names and variables.get("SPACE_ID"):
            names = [PRIVATE]
        networks = [name for name in names if name != PRIVATE] + list(PRIVATE_NETWORKS if PRIVATE in names else ())
        return cls(tuple(ipaddress.ip_network(name) for name in networks))

    def caller(self, headers: Mapping[str, str], peer: str) -> str:
        """Return the address of who asks, of IPv6 its /64 network, as text; `peer` where that is no address.

        `headers` are those of the request, `peer` the address at the other end of the connection.
        """
        hops = _forwarded(headers)
        address = _address(peer)
        if address is None:
            return peer
        while hops and self._trusts(address):
            before = _address(hops.pop())
            if before is None:  # nothing that a proxy writes, so what stands left of it is nobody's word
                break
            address = before
        return _name(address)

    def of_request(self, request: Any) -> str:
        """Do as `caller` for a request of Gradio or Starlette; "" for a call that came by none."""
        client = getattr(request, "client", None)
        return self.caller(request.headers, client.host) if client else ""

    def of_scope(self, scope: Mapping[str, Any]) -> str:
        """Do as `caller` for the scope of an ASGI application."""
        client = scope.get("client")
        lines = [value.decode("latin-1") for name, value in scope["headers"] if name == FORWARDED.encode()]
        return self.caller({FORWARDED: ",".join(lines)}, client[0] if client else "")

    def is_proxy(self, peer: str) -> bool:
        """Tell whether the peer of a connection is one of the proxies, behind which are many callers."""
        address = _address(peer)
        return address is not None and self._trusts(address)

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self.trusted)


def _forwarded(headers: Mapping[str, str]) -> list[str]:
    # A header that stands more than once is one list; Starlette's `get` would return its first line alone.
    lines = [value for name, value in headers.items() if name.lower() == FORWARDED]
    return [hop for line in lines for hop in line.split(",") if hop.strip()]


def _address(text: str) -> Address | None:
    """Return the address that a peer or proxy names, with or without its port; None where it names none."""
    bare = text.strip().partition("%")[0]  # a zone names an interface of this machine
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _name(address: Address) -> str:
    if address.version == 6 and not address.is_loopback:
        return str(ipaddress.ip_network((address, IPV6_CALLER_BITS), strict=False))
    return str(address)


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
