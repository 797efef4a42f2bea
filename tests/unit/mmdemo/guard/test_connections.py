"""Connections against a real server on loopback: half-sent requests, slow readers and crowds shut nobody out."""

import asyncio
import contextlib
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from mmdemo.guard import serving
from mmdemo.guard.callers import Callers
from mmdemo.guard.limits import RequestLimits
from mmdemo.guard.serving import Serving
from mmdemo.settings import Settings
from tests.serving import free_port

LIMITS = RequestLimits(upload_bytes=1, connections=12, connections_each=6, wait_s=1)
STRANGER = "127.0.0.66"  # loopback is a network of 2^24 addresses


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the peer; /large with more than anybody's buffers hold, /stream with a line now and then."""
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["path"] == "/stream":
        for _ in range(6):
            await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
            await asyncio.sleep(0.5)
    body = bytes(64 * 2**20) if scope["path"] == "/large" else scope["client"][0].encode()
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def running() -> Iterator[Serving]:
    port = free_port()
    running = serving.start(app, "127.0.0.1", port, LIMITS, Callers.of(Settings(trusted_proxies="127.0.0.7"), {}))
    yield running
    running.close()
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))  # the port is free


@pytest.fixture
def port(running: Serving) -> int:
    return running.server.servers[0].sockets[0].getsockname()[1]


def connect(port: int, peer: str = STRANGER, sent: bytes = b"GET / HTTP/1.1\r\nHost:") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=10, source_address=(peer, 0))
    connection.sendall(sent)
    return connection


def answers(port: int, path: str = "/", **headers: str) -> bytes:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        return response.read()


def closed(connection: socket.socket) -> bool:
    """Wait until the server has closed the connection."""
    with contextlib.suppress(ConnectionResetError):
        while connection.recv(2**16):
            pass
    return True


def test_no_piece_of_a_response_waits_for_its_caller_to_acknowledge_the_one_before(running: Serving, port: int) -> None:
    with closing(connect(port, sent=b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")) as asking:
        asking.recv(1)
        sockets = [one.transport.get_extra_info("socket") for one in list(running.server.server_state.connections)]
        (own,) = [each for each in sockets if each.getpeername() == asking.getsockname()]
        assert own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_the_peer_is_that_of_the_connection_whatever_a_header_says(port: int) -> None:
    assert answers(port, **{"X-Forwarded-For": "198.51.100.1"}) == b"127.0.0.1"


def test_a_request_whose_head_does_not_end_is_closed(port: int) -> None:
    begun = time.monotonic()
    with closing(connect(port)) as slow:
        for _ in range(4):
            time.sleep(0.2)
            slow.sendall(b"a")  # no excuse
        assert closed(slow)
    assert 0.8 <= time.monotonic() - begun < 5


def test_a_connection_that_asks_for_nothing_more_is_closed(port: int) -> None:
    begun = time.monotonic()
    with closing(connect(port, sent=b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HT")) as idle:
        assert closed(idle)
    assert time.monotonic() - begun < 5


def test_a_stream_lives_on_beyond_the_time_for_a_head(port: int) -> None:
    assert answers(port, "/stream").count(b"data: 1") == 6


def test_who_does_not_read_is_closed(port: int) -> None:
    with closing(connect(port, sent=b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")) as lazy:
        time.sleep(2.5)
        lazy.settimeout(5)
        received = 0
        with contextlib.suppress(ConnectionResetError):
            while piece := lazy.recv(2**20):
                received += len(piece)
    assert received < 64 * 2**20


def test_one_caller_holds_so_many_and_others_are_answered(port: int) -> None:
    crowd = [connect(port) for _ in range(60)]
    try:
        assert answers(port) == b"127.0.0.1"
        assert sum(not over(connection) for connection in crowd) <= LIMITS.connections_each
    finally:
        for connection in crowd:
            connection.close()


def test_a_crowd_of_callers_loses_its_places_to_who_asks(port: int) -> None:
    crowd = [connect(port, f"127.0.1.{number}") for number in range(1, 80)]
    try:
        assert answers(port) == b"127.0.0.1"
        assert sum(not over(connection) for connection in crowd) <= LIMITS.connections
    finally:
        for connection in crowd:
            connection.close()


def test_where_all_places_are_at_work_a_newcomer_reads_why(port: int) -> None:
    ask = b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n"
    crowd = [connect(port, f"127.0.2.{number}", ask) for number in range(1, 13)]
    try:
        time.sleep(0.3)
        with closing(connect(port, sent=ask)) as late:
            text = late.recv(2**16)
        assert text.startswith(b"HTTP/1.1 503 ") and b"Too many connections" in text
    finally:
        for connection in crowd:
            connection.close()


def test_behind_a_trusted_proxy_many_callers_share_its_connections(port: int) -> None:
    crowd = [connect(port, "127.0.0.7") for _ in range(10)]
    try:
        time.sleep(0.3)
        assert sum(over(connection) for connection in crowd) == 0
    finally:
        for connection in crowd:
            connection.close()


def over(connection: socket.socket) -> bool:
    """Tell whether the server has closed the connection by now."""
    connection.settimeout(0.02)
    try:
        connection.recv(2**16)
    except TimeoutError:
        return False
    except ConnectionResetError:
        return True
    return True


def test_an_address_in_use_is_an_error_and_leaves_nothing_behind(port: int) -> None:
    with pytest.raises(OSError):
        serving.start(app, "127.0.0.1", port, LIMITS, Callers())
