"""Connections: how many there may be, and how long one may keep its place without asking for anything.

A protocol for uvicorn. Where all places are taken, a newcomer gets that of whoever has waited longest without a
request, so that thousands of half-sent requests shut nobody out.
"""

import asyncio
import socket
from collections import Counter
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from mmdemo.guard.callers import Callers
from mmdemo.guard.limits import RequestLimits
from mmdemo.guard.refusals import raw_refusal

UNACKNOWLEDGED_MS = 60_000  # what was sent, and is never acknowledged: the caller is gone


class ConnectionPlaces:
    """Who holds a connection, and which of them ask for nothing; for one event loop."""

    def __init__(self, limits: RequestLimits, callers: Callers) -> None:
        self.limits = limits
        self._callers = callers
        self._held: Counter[str] = Counter()
        self._idle: dict[Connection, str] = {}  # longest idle first

    def take(self, connection: "Connection", peer: str) -> bool:
        """Give this connection a place; return False where nobody can be asked to leave for it."""
        if self._held[peer] >= self.limits.connections_each and not self._callers.is_proxy(peer):
            free = self._evict(peer)
        else:
            free = self._held.total() < self.limits.connections or self._evict()
        if free:
            self._held[peer] += 1
        return free

    def leave(self, connection: "Connection", peer: str) -> None:
        """Give its place back."""
        self._idle.pop(connection, None)
        self._held[peer] -= 1
        if not self._held[peer]:
            del self._held[peer]

    def idle(self, connection: "Connection", peer: str) -> None:
        """Note that it waits for a request."""
        self._idle.setdefault(connection, peer)

    def busy(self, connection: "Connection") -> None:
        """Note that a request of it is being answered."""
        self._idle.pop(connection, None)

    def _evict(self, peer: str | None = None) -> bool:
        longest = next((one for one, of in self._idle.items() if peer in (None, of)), None)
        if longest is None:
            return False
        longest.drop()
        return True


class Connection(H11Protocol):
    """One connection: closed where a request's head doesn't come in time, or what is sent is not read."""

    def __init__(self, *, places: ConnectionPlaces, **options: Any) -> None:
        super().__init__(**options)
        self._places = places
        self._peer = ""
        self._placed = False
        self._head_timer: asyncio.TimerHandle | None = None
        self._read_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a place, or say that there is none."""
        peer = transport.get_extra_info("peername")
        self._peer = str(peer[0]) if isinstance(peer, tuple) else ""
        self._placed = self._places.take(self, self._peer)
        if not self._placed:
            transport.write(raw_refusal("too_many_connections"))
            transport.close()
            return
        _set_up(transport)
        super().connection_made(transport)
        self._settle()

    def connection_lost(self, error: Exception | None) -> None:
        """Give the place back."""
        if self._placed:
            self._placed = False
            self._stop_timers()
            self._places.leave(self, self._peer)
            super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self._placed:
            super().data_received(data)
            self._settle()

    def on_response_complete(self) -> None:
        """Wait for the next request; its time begins now."""
        super().on_response_complete()
        self._settle()

    def pause_writing(self) -> None:
        """Called where nobody reads what is sent."""
        super().pause_writing()
        self._read_timer = self._read_timer or self.loop.call_later(self._places.limits.wait_s, self.drop)

    def resume_writing(self) -> None:
        """Called where it is read again."""
        super().resume_writing()
        if self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None

    def drop(self) -> None:
        """Close at once, whatever was still to be sent; the place is free from now on."""
        transport, error = self.transport, ConnectionAbortedError("too slow")
        transport.abort()
        self.connection_lost(error)

    def _settle(self) -> None:
        if not self._placed:
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self._places.busy(self)
            if self._head_timer is not None:
                self._head_timer.cancel()
                self._head_timer = None
        else:
            # Not begun anew by what trickles in, nor by the rest of a body that was refused.
            self._places.idle(self, self._peer)
            self._head_timer = self._head_timer or self.loop.call_later(self._places.limits.wait_s, self.drop)

    def _stop_timers(self) -> None:
        for timer in (self._head_timer, self._read_timer, self.timeout_keep_alive_task):
            if timer is not None:
                timer.cancel()
        self._head_timer = self._read_timer = self.timeout_keep_alive_task = None


def _set_up(transport: asyncio.Transport) -> None:
    """Send each piece at once, and give up on a caller who vanished."""
    connection = transport.get_extra_info("socket")
    if connection is None or connection.family == socket.AF_UNIX:
        return
    # asyncio does so itself only where a socket was made with its protocol's number. Otherwise the end of a response
    # waits until the caller acknowledges its beginning, for which Linux takes 40 ms.
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)
